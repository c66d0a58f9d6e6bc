public import Base

/// Why a request does not become a WebSocket.
public enum WebSocketUpgradeRefusal: Error, Equatable, Sendable {
    /// It is not a GET of HTTP/1.1 without a body.
    case unsuitableRequest
    /// `Upgrade: websocket` or `Connection: upgrade` is missing.
    case noUpgrade
    /// The key is missing, repeated or not 16 bytes in base 64.
    case malformedKey
    /// The version is not 13: answer with `Sec-WebSocket-Version: 13`.
    case unsupportedVersion

    /// The status of the answer.
    public var status: Int { self == .unsupportedVersion ? 426 : 400 }
}

/// Why a server's answer does not open a WebSocket; the client closes the connection.
public enum WebSocketAnswerRefusal: Error, Equatable, Sendable {
    /// The status is not 101.
    case notSwitched(status: Int)
    /// `Upgrade: websocket` or `Connection: upgrade` is missing.
    case noUpgrade
    /// The answer does not belong to our key.
    case wrongAccept
    /// A sub-protocol that was not offered.
    case unofferedProtocol
    /// An extension that was not offered, or not with these parameters.
    case unofferedExtension
}

/// The opening handshake of RFC 6455 §4, without the bytes around it.
public enum WebSocketHandshake {
    /// Checks that a request opens a WebSocket.
    ///
    /// - Returns: where its key stands.
    /// - Throws: `WebSocketUpgradeRefusal`; answer with its status.
    public static func key(
        of head: borrowing HTTPHead,
        _ bytes: RawSpan
    ) throws(WebSocketUpgradeRefusal) -> ByteRange {
        guard head.method == .get, head.version == .http11, head.requestFraming == .none else {
            throw .unsuitableRequest
        }
        guard upgradesToWebSocket(head, bytes) else { throw .noUpgrade }
        guard let version = head.onlyValue(of: .secWebSocketVersion), bytes.slice(version).equals("13") else {
            throw .unsupportedVersion
        }
        guard let key = head.onlyValue(of: .secWebSocketKey), isKey(bytes.slice(key)) else { throw .malformedKey }
        return key
    }

    private static func upgradesToWebSocket(_ head: borrowing HTTPHead, _ bytes: RawSpan) -> Bool {
        var protocols = bytes.slice(head.upgrade)
        while let name = protocols.nextListElement() {
            if name.equalsIgnoringCase("websocket") { return true }
        }
        return false
    }

    /// Whether the bytes are base 64 of 16 bytes.
    private static func isKey(_ text: RawSpan) -> Bool {
        guard text.byteCount == 24, text.byte(22) == UInt8(ascii: "="), text.byte(23) == UInt8(ascii: "=") else {
            return false
        }
        for index in 0..<22 {
            let byte = text.byte(index)
            guard byte.isLetter || byte.decimalDigit != nil || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "/")
            else { return false }
        }
        return true
    }

    /// Appends the value of `Sec-WebSocket-Accept` for a key.
    public static func appendAccept(for key: RawSpan, to output: inout ByteBuffer) {
        var hash = SHA1()
        hash.update(key)
        let suffix: StaticString = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        for index in 0..<suffix.utf8CodeUnitCount { unsafe hash.update(suffix.utf8Start[index]) }
        appendBase64(hash.finish(), to: &output)
    }

    /// Appends a client's key, made of 16 random bytes.
    public static func appendKey(random: (UInt64, UInt64), to output: inout ByteBuffer) {
        let bytes = [random.0, random.1].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64($0 * 8)) }
        }
        appendBase64(bytes, to: &output)
    }

    private static func appendBase64(_ bytes: [UInt8], to output: inout ByteBuffer) {
        let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let have = min(3, bytes.count - start)
            var word: UInt32 = 0
            for place in 0..<3 { word = word << 8 | (place < have ? UInt32(bytes[start + place]) : 0) }
            for place in 0..<4 {
                // Six bits are always an index below 64.
                let letter = unsafe alphabet.utf8Start[Int(word >> UInt32(18 - place * 6)) & 63]
                output.append(place <= have ? letter : UInt8(ascii: "="))
            }
        }
    }

    /// Chooses the first sub-protocol in the client's order that the server speaks.
    ///
    /// - Returns: its place in `supported`; `nil` when none is common, and then the answer names none.
    public static func chooseProtocol(
        _ head: borrowing HTTPHead,
        _ bytes: RawSpan,
        among supported: [String]
    ) -> Int? {
        for index in 0..<head.fieldCount where head.field(at: index).id == .secWebSocketProtocol {
            var offers = bytes.slice(head.field(at: index).value)
            while let offer = offers.nextListElement() {
                guard offer.byteCount <= 128 else { continue }
                for (place, name) in supported.enumerated() where offer.equals(name) { return place }
            }
        }
        return nil
    }

    /// Whether the request names any sub-protocol.
    public static func offersProtocol(_ head: borrowing HTTPHead) -> Bool {
        head.value(of: .secWebSocketProtocol) != nil
    }

    /// What a server agreed to.
    public struct Answer: Equatable, Sendable {
        /// The place of the chosen sub-protocol among those offered.
        public var protocolIndex: Int?
        /// The compression to be used.
        public var compression: PerMessageDeflate?
    }

    /// Checks a server's answer as a client must (RFC 6455 §4.1).
    ///
    /// - Throws: `WebSocketAnswerRefusal`; close the connection.
    public static func answer(
        _ head: borrowing HTTPHead,
        _ bytes: RawSpan,
        key: RawSpan,
        offer: Offer
    ) throws(WebSocketAnswerRefusal) -> Answer {
        guard head.status == 101 else { throw .notSwitched(status: head.status) }
        guard upgradesToWebSocket(head, bytes) else { throw .noUpgrade }
        var wanted = ByteBuffer(capacity: 32)
        appendAccept(for: key, to: &wanted)
        guard let accept = head.onlyValue(of: .secWebSocketAccept), bytes.slice(accept).equals(wanted.bytes) else {
            throw .wrongAccept
        }
        var answer = Answer()
        if head.value(of: .secWebSocketProtocol) != nil {
            guard let value = head.onlyValue(of: .secWebSocketProtocol) else { throw .unofferedProtocol }
            let chosen = bytes.slice(value)
            for (place, name) in offer.protocols.enumerated() where chosen.equals(name) { answer.protocolIndex = place }
            guard answer.protocolIndex != nil else { throw .unofferedProtocol }
        }
        for index in 0..<head.fieldCount where head.field(at: index).id == .secWebSocketExtensions {
            let value = bytes.slice(head.field(at: index).value)
            if value.byteCount == 0 { continue }
            guard offer.compression, answer.compression == nil, let agreed = PerMessageDeflate(answer: value) else {
                throw .unofferedExtension
            }
            answer.compression = agreed
        }
        return answer
    }

    /// What a client asked for.
    public struct Offer: Sendable {
        /// The sub-protocols, the best first.
        public var protocols: [String]
        /// Whether `PerMessageDeflate.clientOffer` was sent.
        public var compression: Bool

        /// Names what was asked for.
        public init(protocols: [String] = [], compression: Bool = false) {
            self.protocols = protocols
            self.compression = compression
        }
    }
}

extension HTTPHead {
    /// The value of a field that may stand only once; `nil` when it is missing or repeated.
    func onlyValue(of id: HTTPFieldID) -> ByteRange? {
        var found: ByteRange?
        for index in 0..<fieldCount where table[index].id == id {
            guard found == nil else { return nil }
            found = table[index].value
        }
        return found
    }
}

extension RawSpan {
    func equals(_ text: String) -> Bool {
        guard byteCount == text.utf8.count else { return false }
        var index = 0
        for unit in text.utf8 {
            guard byte(index) == unit else { return false }
            index += 1
        }
        return true
    }

    func equals(_ other: RawSpan) -> Bool {
        guard byteCount == other.byteCount else { return false }
        for index in 0..<byteCount where byte(index) != other.byte(index) { return false }
        return true
    }
}
