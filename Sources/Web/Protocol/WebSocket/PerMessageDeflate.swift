public import Base

/// What the two ends agreed on about compression (RFC 7692 §7.1).
///
/// Our server always answers that neither side keeps its window between messages. Any client must accept that, and a
/// connection then owns no compressor: one of each per loop serves all.
public struct PerMessageDeflate: Equatable, Sendable {
    /// The server forgets its window after each message.
    public var serverNoContextTakeover = true
    /// The client forgets its window after each message.
    public var clientNoContextTakeover = true
    /// The server looks back at most 2^this bytes: 8…15.
    public var serverWindowBits: Int {
        get { Int(serverBits) }
        set { serverBits = UInt8(clamping: newValue) }
    }
    /// The client looks back at most 2^this bytes: 8…15.
    public var clientWindowBits: Int {
        get { Int(clientBits) }
        set { clientBits = UInt8(clamping: newValue) }
    }
    /// Bytes, because every connection holds a copy.
    private var serverBits: UInt8 = 15
    private var clientBits: UInt8 = 15

    /// What a client of ours asks for.
    public static let clientOffer: StaticString =
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover"

    /// Both ends forget, and windows are not limited.
    public init() {}

    /// Chooses the first offer in a request that the server can keep; `nil` means: do without compression.
    public static func negotiate(_ head: borrowing HTTPHead, _ bytes: RawSpan) -> PerMessageDeflate? {
        var offersLeft = 16
        for index in 0..<head.fieldCount where head.field(at: index).id == .secWebSocketExtensions {
            var rest = ExtensionReader(bytes.slice(head.field(at: index).value))
            while offersLeft > 0, rest.isInOrder, let offer = rest.next() {
                offersLeft -= 1
                if case .deflate(let parameters) = offer, let agreed = parameters.asServer { return agreed }
            }
        }
        return nil
    }

    /// Reads a server's answer to `clientOffer`; `nil` when it agrees to something that was not offered.
    init?(answer value: RawSpan) {
        var reader = ExtensionReader(value)
        guard let first = reader.next(), case .deflate(let parameters) = first, reader.isInOrder, reader.next() == nil,
            reader.isInOrder
        else { return nil }
        // We asked the server to forget, so it must say so; and a window for us was not offered.
        guard parameters.serverForgets, !parameters.namesClientWindow else { return nil }
        serverWindowBits = parameters.serverWindow ?? 15
    }

    /// Appends the value of the answer's `Sec-WebSocket-Extensions`.
    public func appendAnswer(to output: inout ByteBuffer) {
        output.append("permessage-deflate")
        if serverNoContextTakeover { output.append("; server_no_context_takeover") }
        if clientNoContextTakeover { output.append("; client_no_context_takeover") }
        if serverWindowBits < 15 {
            output.append("; server_max_window_bits=")
            output.append(decimal: serverWindowBits)
        }
        if clientWindowBits < 15 {
            output.append("; client_max_window_bits=")
            output.append(decimal: clientWindowBits)
        }
    }
}

/// The parameters of one permessage-deflate element, each at most once and well-formed.
private struct DeflateParameters: Equatable {
    var serverForgets = false
    var clientForgets = false
    var serverWindow: Int?
    var namesClientWindow = false
    var clientWindow: Int?

    /// The server's answer to this offer. A client window is never asked for: our decompressor always has the largest.
    var asServer: PerMessageDeflate? {
        var agreed = PerMessageDeflate()
        agreed.serverWindowBits = serverWindow ?? 15
        return agreed
    }

    /// Takes one parameter; `false` when it is unknown, repeated or has a wrong value, which spoils the whole element.
    mutating func take(_ name: RawSpan, _ value: ByteRange?, in bytes: RawSpan) -> Bool {
        if name.equals("server_no_context_takeover") {
            guard value == nil, !serverForgets else { return false }
            serverForgets = true
        } else if name.equals("client_no_context_takeover") {
            guard value == nil, !clientForgets else { return false }
            clientForgets = true
        } else if name.equals("server_max_window_bits") {
            guard serverWindow == nil, let value, let bits = Self.windowBits(bytes.slice(value)) else { return false }
            serverWindow = bits
        } else if name.equals("client_max_window_bits") {
            guard !namesClientWindow else { return false }
            namesClientWindow = true
            if let value {
                guard let bits = Self.windowBits(bytes.slice(value)) else { return false }
                clientWindow = bits
            }
        } else {
            return false
        }
        return true
    }

    /// 8…15, without leading zeros.
    static func windowBits(_ text: RawSpan) -> Int? {
        guard text.byteCount <= 2, text.byteCount > 0, text.byte(0) != UInt8(ascii: "0"), let bits = text.decimal(),
            (8...15).contains(bits)
        else { return nil }
        return bits
    }
}

/// Reads `Sec-WebSocket-Extensions` (RFC 6455 §9.1) element by element.
private struct ExtensionReader: ~Copyable, ~Escapable {
    enum Element: Equatable {
        case deflate(DeflateParameters)
        /// Another extension, or parameters that spoil the offer.
        case unsuitable
    }

    private let bytes: RawSpan
    private var at = 0
    /// Whether the grammar held so far. Behind a fault nothing more is read.
    private(set) var isInOrder = true

    @_lifetime(copy bytes)
    init(_ bytes: RawSpan) { self.bytes = bytes }

    @_lifetime(self: copy self)
    mutating func next() -> Element? {
        skipBlanks()
        while skip(UInt8(ascii: ",")) { skipBlanks() }
        guard at < bytes.byteCount else { return nil }
        guard let name = token() else { return fail() }
        let isDeflate = bytes.slice(name).equals("permessage-deflate")
        var parameters = DeflateParameters()
        var isSuitable = isDeflate
        skipBlanks()
        while skip(UInt8(ascii: ";")) {
            skipBlanks()
            guard let parameter = token() else { return fail() }
            skipBlanks()
            var value: ByteRange?
            if skip(UInt8(ascii: "=")) {
                skipBlanks()
                value = quotedOrToken()
                if value == nil { return fail() }
                skipBlanks()
            }
            if isSuitable {
                isSuitable = parameters.take(bytes.slice(parameter), value, in: bytes)
            }
        }
        guard at == bytes.byteCount || bytes.byte(at) == UInt8(ascii: ",") else { return fail() }
        return isSuitable ? .deflate(parameters) : .unsuitable
    }

    @_lifetime(self: copy self)
    private mutating func fail() -> Element? {
        isInOrder = false
        at = bytes.byteCount
        return nil
    }

    @_lifetime(self: copy self)
    private mutating func skipBlanks() {
        while at < bytes.byteCount, bytes.byte(at).isBlank { at += 1 }
    }

    @_lifetime(self: copy self)
    private mutating func skip(_ byte: UInt8) -> Bool {
        guard at < bytes.byteCount, bytes.byte(at) == byte else { return false }
        at += 1
        return true
    }

    @_lifetime(self: copy self)
    private mutating func token() -> ByteRange? {
        let start = at
        at = bytes.endOfName(from: at, to: bytes.byteCount)
        return at > start ? ByteRange(start, at) : nil
    }

    /// A token, or one in quotes: after unquoting it must be a token, so escapes are not needed and not taken.
    @_lifetime(self: copy self)
    private mutating func quotedOrToken() -> ByteRange? {
        guard skip(UInt8(ascii: "\"")) else { return token() }
        guard let value = token(), skip(UInt8(ascii: "\"")) else { return nil }
        return value
    }
}
