import Base
import Crypto
import Reactor
import Web

/// Decides who may use the admin listener. Health is open to everybody who reaches it; everything else is asked here.
struct AdminGuard: Sendable {
    /// What an operator must show; without one, reaching the listener is enough.
    let token: String?

    /// Answers whoever may not go on.
    ///
    /// - Returns: whether the request may be answered.
    func admits(_ exchange: Exchange, changes: Bool = false) -> Bool {
        guard let token else { return admitsWithoutToken(exchange, changes) }
        guard let shown = Self.credential(exchange.text(of: .authorization)), Self.areEqual(shown, token) else {
            // Basic is offered because it is what a browser can be asked for; the name does not matter.
            let field = HTTPField("WWW-Authenticate", "Basic realm=\"gamekeeper admin\"")
            AdminAnswer.problem(exchange, .unauthorized, "this listener wants the admin token", fields: [field])
            return false
        }
        return isOfSameOrigin(exchange, changes)
    }

    /// A page of anywhere can make the operator's browser call a port of his own machine, and a name of anywhere can lead
    /// there. So pages of other origins change nothing, and from this machine the listener is called by address only.
    private func admitsWithoutToken(_ exchange: Exchange, _ changes: Bool) -> Bool {
        let isLocal = exchange.peer.ip.map(Self.isLoopback) ?? true
        if isLocal, !Self.isAddress(exchange.text(of: .host) ?? "") {
            AdminAnswer.problem(exchange, .forbidden, "call this listener by its address, or set admin-token")
            return false
        }
        return isOfSameOrigin(exchange, changes)
    }

    private func isOfSameOrigin(_ exchange: Exchange, _ changes: Bool) -> Bool {
        guard changes, let origin = exchange.text(of: .origin) else { return true }
        let host = exchange.text(of: .host) ?? ""
        if origin == "http://\(host)" || origin == "https://\(host)" { return true }
        AdminAnswer.problem(exchange, .forbidden, "pages of other origins can't change anything here")
        return false
    }

    /// The token in `Bearer TOKEN`, or the password in `Basic`.
    static func credential(_ field: String?) -> String? {
        guard let field, let space = field.firstIndex(of: " ") else { return nil }
        let value = field[field.index(after: space)...].drop { $0 == " " }
        switch field[..<space].lowercased() {
        case "bearer": return String(value)
        case "basic":
            var text = ByteBuffer()
            var decoded = ByteBuffer()
            text.append(utf8: String(value))
            guard (try? Base64.standard.decode(text.bytes, into: &decoded)) != nil else { return nil }
            let pair = String(decoding: decoded.array(), as: UTF8.self)
            return pair.firstIndex(of: ":").map { String(pair[pair.index(after: $0)...]) }
        default: return nil
        }
    }

    private static func areEqual(_ left: String, _ right: String) -> Bool {
        var one = ByteBuffer()
        var other = ByteBuffer()
        one.append(utf8: left)
        other.append(utf8: right)
        return ConstantTime.areEqual(one.bytes, other.bytes)
    }

    static func isLoopback(_ address: IPAddress) -> Bool {
        loopback.contains(address)
    }

    private static let loopback = AddressRanges(["127.0.0.0/8", "::1/128"].compactMap { AddressRange($0) })

    /// Whether a `Host` is an address or `localhost`, which no name server can make lead anywhere else.
    static func isAddress(_ host: String) -> Bool {
        let name = host.hasPrefix("[") ? host : String(host.split(separator: ":").first ?? "")
        if name.lowercased() == "localhost" { return true }
        let end = name.firstIndex(of: "]")
        let bare = end.map { String(name[name.index(after: name.startIndex)..<$0]) } ?? name
        return IPAddress(bare) != nil
    }
}
