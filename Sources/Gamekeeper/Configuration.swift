public import Base
public import Reactor

/// Everything that an operator can choose, read once before the start.
public struct Configuration: Sendable {
    /// Where to listen; at least one address.
    public var addresses: [SocketAddress]
    /// A certificate chain and its key, in PEM files; with them every address speaks TLS.
    public var tls: TLSIdentity?
    /// How many loops run; without a number, one per core.
    public var loops: Int?
    /// Proxies whose word about the client is believed.
    public var proxies: AddressRanges
    /// Whether these proxies begin with a PROXY protocol v2 header.
    public var usesProxyProtocol: Bool
    /// The level from which lines are logged.
    public var logLevel: LogLevel
    /// The bounds of everything.
    public var limits: Limits

    /// Listens on this machine only, in the clear.
    public init() {
        addresses = [.ip(.loopback, port: 8080)]
        tls = nil
        loops = nil
        proxies = AddressRanges()
        usesProxyProtocol = false
        logLevel = .info
        limits = Limits()
    }

    /// What is wrong with a choice.
    public enum Refusal: Error, Equatable, Sendable {
        /// An option that does not exist.
        case unknownOption(String)
        /// An option without its value.
        case missingValue(String)
        /// A value that the option can't have.
        case malformedValue(option: String, value: String)
    }

    /// Reads options such as `--listen 127.0.0.1:8080 --tls CERT KEY --loops 2`. What is not given stays as it is.
    ///
    /// - Throws: the first option that can't be understood.
    public init(arguments: [String]) throws(Refusal) {
        self.init()
        var rest = arguments[...]
        var given: [SocketAddress] = []
        var ranges: [AddressRange] = []
        while let option = rest.popFirst() {
            func next() throws(Refusal) -> String {
                guard let value = rest.popFirst() else { throw .missingValue(option) }
                return value
            }
            func read<Value>(_ parse: (String) -> Value?) throws(Refusal) -> Value {
                let text = try next()
                guard let value = parse(text) else { throw .malformedValue(option: option, value: text) }
                return value
            }
            switch option {
            case "--listen": given.append(try read { try? SocketAddress($0) })
            case "--tls": tls = TLSIdentity(chain: .file(try next()), key: .file(try next()))
            case "--loops": loops = try read { Int($0).flatMap { (1...256).contains($0) ? $0 : nil } }
            case "--proxy": ranges.append(try read { AddressRange($0) })
            case "--proxy-protocol": usesProxyProtocol = true
            case "--log": logLevel = try read { name in LogLevel.allCases.first { "\($0.name)" == name } }
            default: throw .unknownOption(option)
            }
        }
        if !given.isEmpty { addresses = given }
        proxies = AddressRanges(ranges)
    }
}

extension Configuration.Refusal: CustomStringConvertible {
    /// A sentence for whoever typed it.
    public var description: String {
        switch self {
        case .unknownOption(let option): "there is no option \(option)"
        case .missingValue(let option): "\(option) needs a value"
        case .malformedValue(let option, let value): "\(option) can't be \(value)"
        }
    }
}
