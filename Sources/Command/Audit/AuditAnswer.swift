import Base
import Wire

/// What a game answered to one call, whatever the format.
enum AuditAnswer: Sendable, Equatable {
    /// The call was made.
    case result(Value?)
    /// The call was refused.
    case refused(Refused)
    /// The connection closed with this code in place of an answer.
    case closed(Int)
    /// No answer came in time.
    case silence

    struct Refused: Sendable, Equatable {
        var code: String
        var message = ""
        /// `details.field` and `details.problem`.
        var field: String?
        var problem: String?
        var retryAfterMilliseconds: Int64?
    }

    /// What stands in the report.
    var words: String {
        switch self {
        case .result: "was done"
        case .refused(let refused):
            [refused.code, refused.field, refused.problem].compactMap { $0 }.joined(separator: " ")
        case .closed(let code): "closed the connection with \(code)"
        case .silence: "was never answered"
        }
    }

    /// The code of the refusal.
    var code: String? { if case .refused(let refused) = self { refused.code } else { nil } }
}

/// Envelopes as an attacker writes them: by hand, so that anything can stand in them, and read without trust.
enum AuditEnvelope {
    /// A call with these params, which are one whole value of the format.
    static func call(
        _ method: String,
        id: Int64,
        params: [UInt8]?,
        key: String? = nil,
        _ format: WireFormat
    ) -> [UInt8] {
        var fields: [(name: String, number: UInt32, bytes: [UInt8])] = [
            ("type", 1, word("rpc", number: 1, format)), ("id", 2, encoded(.int(id), format)),
            ("method", 3, encoded(.string(method), format)),
        ]
        if let params { fields.append(("params", 4, format == .protobuf ? framed(params) : params)) }
        if let key { fields.append(("key", 8, encoded(.string(key), format))) }
        return object(fields, format)
    }

    /// A ping.
    static func ping(_ clock: Double, _ format: WireFormat) -> [UInt8] {
        object([("type", 1, word("ping", number: 6, format)), ("t", 17, encoded(.double(clock), format))], format)
    }

    private static func word(_ word: String, number: Int64, _ format: WireFormat) -> [UInt8] {
        encoded(format == .protobuf ? .int(number) : .string(word), format)
    }

    /// A value as it stands behind its key. In Protobuf that is without the tag, which `object` writes.
    private static func encoded(_ value: Value, _ format: WireFormat) -> [UInt8] {
        var output = ByteBuffer()
        if format == .protobuf {
            switch value {
            case .int(let number): append(varint: UInt64(bitPattern: number), &output)
            case .string(let text): output.append(framed(Array(text.utf8)))
            case .double(let number):
                for shift in 0..<8 { output.append(UInt8(truncatingIfNeeded: number.bitPattern >> UInt64(8 * shift))) }
            default: break
            }
            return output.array()
        }
        // A plain value can always be written.
        try? value.write(format, to: &output)
        return output.array()
    }

    private static func framed(_ bytes: [UInt8]) -> [UInt8] {
        var output = ByteBuffer()
        append(varint: UInt64(bytes.count), &output)
        output.append(bytes)
        return output.array()
    }

    private static func append(varint number: UInt64, _ output: inout ByteBuffer) {
        var left = number
        while left >= 0x80 {
            output.append(UInt8(truncatingIfNeeded: left) | 0x80)
            left >>= 7
        }
        output.append(UInt8(left))
    }

    private static func object(_ fields: [(name: String, number: UInt32, bytes: [UInt8])], _ format: WireFormat)
        -> [UInt8]
    {
        var output = ByteBuffer()
        switch format {
        case .json:
            for (place, field) in fields.enumerated() {
                output.append(utf8: "\(place == 0 ? "{" : ",")\"\(field.name)\":")
                output.append(field.bytes)
            }
            output.append(UInt8(ascii: "}"))
        case .messagePack, .cbor:
            output.append((format == .cbor ? 0xA0 : 0x80) | UInt8(fields.count))
            for field in fields {
                output.append(encoded(.string(field.name), format))
                output.append(field.bytes)
            }
        case .protobuf:
            for field in fields {
                let wire: UInt64 = field.number == 17 ? 1 : field.number <= 2 ? 0 : 2
                append(varint: UInt64(field.number) << 3 | wire, &output)
                output.append(field.bytes)
            }
        }
        return output.array()
    }
}
