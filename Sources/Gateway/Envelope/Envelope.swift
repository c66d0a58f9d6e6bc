import Base
import Wire

/// What an envelope is. The numbers are those of Protobuf's `type`.
enum EnvelopeKind: UInt8, Sendable {
    case rpc = 1
    case response, event, request, ack, ping, pong

    /// The word on the wire.
    var word: StaticString {
        switch self {
        case .rpc: "rpc"
        case .response: "response"
        case .event: "event"
        case .request: "request"
        case .ack: "ack"
        case .ping: "ping"
        case .pong: "pong"
        }
    }
}

/// The fields of an envelope, by their bit.
struct EnvelopeFields: OptionSet, Sendable {
    let rawValue: UInt32
    static let type = Self(rawValue: 1 << 0)
    static let id = Self(rawValue: 1 << 1)
    static let method = Self(rawValue: 1 << 2)
    static let params = Self(rawValue: 1 << 3)
    static let result = Self(rawValue: 1 << 4)
    static let error = Self(rawValue: 1 << 5)
    static let seq = Self(rawValue: 1 << 6)
    static let key = Self(rawValue: 1 << 7)
    static let deadline = Self(rawValue: 1 << 8)
    static let trace = Self(rawValue: 1 << 9)
    static let clock = Self(rawValue: 1 << 10)

    /// What may stand in an envelope of each kind that clients send.
    static func allowed(in kind: EnvelopeKind) -> Self {
        switch kind {
        case .rpc: [.type, .id, .method, .params, .seq, .key, .deadline, .trace]
        case .response: [.type, .id, .result, .error]
        case .ack: [.type, .seq]
        case .ping: [.type, .clock]
        case .event, .request, .pong: []
        }
    }

    /// What must stand there.
    static func required(in kind: EnvelopeKind) -> Self {
        switch kind {
        case .rpc: .method
        case .response: .id
        case .ack: .seq
        case .ping: .clock
        case .event, .request, .pong: []
        }
    }

    /// The name of one field.
    var name: StaticString {
        switch self {
        case .type: "type"
        case .id: "id"
        case .method: "method"
        case .params: "params"
        case .result: "result"
        case .error: "error"
        case .seq: "seq"
        case .key: "key"
        case .deadline: "deadline_ms"
        case .trace: "trace"
        case .clock: "t"
        default: "envelope"
        }
    }

    /// The lowest one.
    var first: Self { Self(rawValue: rawValue & (~rawValue &+ 1)) }
}

/// Where something stands in a frame. A frame is at most a megabyte, so 32 bits are enough.
struct WirePlace: Equatable, Sendable {
    var start: Int32 = 0
    var count: Int32 = 0
    /// Whether the bytes are there as they are meant; else they have escapes (JSON) or come in chunks (CBOR).
    var isPlain = true

    /// The offsets in the frame.
    var range: Range<Int> { Int(start)..<Int(start) + Int(count) }
}

/// One envelope: what stood in it, and where. It borrows nothing, so it can be kept, compared and reused; its places
/// mean something only together with the bytes that they were read from.
struct Envelope: Equatable, Sendable {
    /// What it is; meaningless when the envelope was refused without a valid type.
    var kind = EnvelopeKind.rpc
    /// What stood in it.
    var fields: EnvelopeFields = []
    /// The number of a call or request.
    var id: Int64 = 0
    /// The number of a fire-and-forget call, or what an `ack` confirms.
    var seq: Int64 = 0
    /// How long the caller waits.
    var deadlineMilliseconds: Int64 = 0
    /// The client's clock in a ping.
    var clock = 0.0
    var method = WirePlace()
    var key = WirePlace()
    var trace = WirePlace()
    /// The params as one whole value in the frame's format; empty without.
    var params = WirePlace()
    var result = WirePlace()
    var error = WirePlace()

    /// The largest number that every client language holds exactly.
    static let numberMax: Int64 = 1 << 53 - 1

    /// The number of the call, where it has one.
    var callID: Int64? { fields.contains(.id) ? id : nil }
}

/// Why an envelope is refused although its frame can be read.
struct EnvelopeFault: Equatable, Sendable {
    enum Problem: UInt8, Sendable {
        case unknownField, duplicateField, missing, wrongType, outOfRange, tooLong, unknownType, emptyBatch, tooMany

        /// The word in `details.problem`.
        var word: StaticString {
            switch self {
            case .unknownField: "unknown_field"
            case .duplicateField: "duplicate_key"
            case .missing: "missing"
            case .wrongType: "wrong_type"
            case .outOfRange: "out_of_range"
            case .tooLong: "too_long"
            case .unknownType: "unknown_type"
            case .emptyBatch: "empty_batch"
            case .tooMany: "too_many"
            }
        }
    }

    let problem: Problem
    /// The field, where we know it.
    var field: EnvelopeFields = []
    /// The name of a field that we don't know, as it stands in the frame; empty in Protobuf.
    var name = WirePlace()
    /// The number of a field that we don't know, in Protobuf.
    var number: UInt32 = 0

    init(_ problem: Problem, _ field: EnvelopeFields = []) {
        self.problem = problem
        self.field = field
    }

    init(unknown name: WirePlace, number: UInt32) {
        problem = .unknownField
        self.name = name
        self.number = number
    }
}

/// The keys of the envelope. Their numbers are those of Protobuf's `Envelope`, and are never used again.
enum EnvelopeKey {
    static let type = FieldKey("type", number: 1)
    static let id = FieldKey("id", number: 2)
    static let method = FieldKey("method", number: 3)
    static let params = FieldKey("params", number: 4)
    static let result = FieldKey("result", number: 5)
    static let error = FieldKey("error", number: 6)
    static let seq = FieldKey("seq", number: 7)
    static let key = FieldKey("key", number: 8)
    static let deadline = FieldKey("deadline_ms", number: 9)
    static let trace = FieldKey("trace", number: 10)
    static let event = FieldKey("event", number: 11)
    static let data = FieldKey("data", number: 12)
    static let timestamp = FieldKey("timestamp", number: 13)
    static let room = FieldKey("room", number: 14)
    static let topic = FieldKey("topic", number: 15)
    static let timeout = FieldKey("timeout_ms", number: 16)
    static let clock = FieldKey("t", number: 17)
    static let server = FieldKey("server", number: 18)
    /// The field of Protobuf's `Batch`; a frame that begins with it is one.
    static let items: UInt32 = 100

    // Within `error`.
    static let code = FieldKey("code", number: 1)
    static let message = FieldKey("message", number: 2)
    static let details = FieldKey("details", number: 3)
    static let retry = FieldKey("retry", number: 4)
    static let retryAfter = FieldKey("retry_after_ms", number: 5)
}

extension RawSpan {
    /// The bytes at a place, as they stand in the frame.
    @inline(__always) @_lifetime(copy self)
    func at(_ place: WirePlace) -> RawSpan { extracting(place.range) }
}

extension WirePlace {
    /// Lends the text at this place of a frame. One that does not stand there as it is meant is decoded, which is rare.
    @inline(__always)
    func withText<Result>(in frame: RawSpan, _ format: WireFormat, _ body: (RawSpan) -> Result) -> Result {
        if isPlain { return body(frame.at(self)) }
        let decoded = decodedText(in: frame, format)
        return body(decoded.bytes)
    }

    /// The text with its quotes or chunk marks, which stand around it, read once more.
    private func decodedText(in frame: RawSpan, _ format: WireFormat) -> ByteBuffer {
        let token = frame.extracting(max(0, Int(start) - 1)..<min(frame.byteCount, range.upperBound + 1))
        var decoded = ByteBuffer()
        do throws(WireError) {
            if format == .cbor {
                var reader = CBORReader(token)
                try reader.text().copy(to: &decoded)
            } else {
                var reader = JSONReader(token)
                try reader.text().copy(to: &decoded)
            }
        } catch {
            // The reader of the frame has read the same bytes before; an empty text names nothing.
            decoded.removeAll()
        }
        return decoded
    }
}
