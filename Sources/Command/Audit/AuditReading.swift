import Base
import Wire

/// What a message of the server says to an auditor: which call it answers, and how.
struct AuditReading: Equatable {
    /// The call or, with a clock, the ping that it answers; `nil` for events and other news.
    var id: Int64?
    /// Whether it is a pong.
    var isPong = false
    var answer = AuditAnswer.result(nil)

    /// Reads a message, which may be a batch. What cannot be read is skipped: silence is then what the report tells.
    static func all(in message: [UInt8], _ format: WireFormat) -> [AuditReading] {
        if format == .protobuf { return [AuditReading(protobuf: message)].compactMap { $0 } }
        guard let value = try? Value(unsafe message.span.bytes, as: format) else { return [] }
        if case .array(let items) = value { return items.compactMap { AuditReading($0) } }
        return [AuditReading(value)].compactMap { $0 }
    }

    private init?(_ value: Value) {
        guard case .object(let envelope) = value, case .string(let type)? = envelope["type"] else { return nil }
        switch type {
        case "pong": isPong = true
        case "response":
            if case .int(let number)? = envelope["id"] { id = number }
            answer = envelope["error"].map { .refused(AuditAnswer.Refused($0)) } ?? .result(envelope["result"])
        default: return nil
        }
    }

    /// Reads the envelope's numbers 1 (type), 2 (id), 5 (result) and 6 (error).
    private init?(protobuf message: [UInt8]) {
        var kind: UInt64 = 0
        var failure: AuditAnswer.Refused?
        var reader = unsafe ProtobufReader(message.span.bytes)
        do throws(WireError) {
            var scope = try reader.beginObject()
            while let key = try reader.nextKey(in: &scope) {
                switch key.number {
                case 1: kind = try reader.uint64()
                case 2: id = try reader.int64()
                case 6: failure = try AuditAnswer.Refused(&reader)
                default: try reader.skipValue()
                }
            }
        } catch {
            return nil
        }
        switch kind {
        case 2: answer = failure.map { .refused($0) } ?? .result(nil)
        case 7: isPong = true
        default: return nil
        }
    }
}

extension AuditAnswer.Refused {
    /// Reads the `error` of an envelope, or a problem of HTTP.
    init(_ error: Value) {
        self.init(code: "")
        guard case .object(let fields) = error else { return }
        if case .string(let text)? = fields["code"] { code = text }
        if case .string(let text)? = fields["message"] ?? fields["detail"] { message = text }
        if case .int(let number)? = fields["retry_after_ms"] { retryAfterMilliseconds = number }
        if let details = fields["details"] { read(details) }
    }

    private mutating func read(_ details: Value) {
        guard case .object(let fields) = details else { return }
        if case .string(let text)? = fields["field"] { field = text }
        if case .string(let text)? = fields["problem"] { problem = text }
    }

    init(_ reader: inout ProtobufReader) throws(WireError) {
        self.init(code: "")
        var scope = try reader.beginObject()
        while let key = try reader.nextKey(in: &scope) {
            switch key.number {
            case 1: code = try reader.string()
            case 2: message = try reader.string()
            case 3:
                let text = try reader.bytes().array()
                if let details = try? Value(unsafe text.span.bytes, as: .json) { read(details) }
            case 5: retryAfterMilliseconds = try reader.int64()
            default: try reader.skipValue()
            }
        }
    }
}
