import Base
import Wire

/// One envelope to the server.
struct Outgoing {
    var type: String
    var id: Int64?
    var method: String?
    /// Params or result, encoded; empty for none.
    var body: [UInt8] = []
    var error: CallFailure?
    var seq: UInt64?
    var key: String?
    var deadlineMilliseconds: Int64?
    var clock: Double?

    init(_ type: String) { self.type = type }

    /// The bytes of the frame.
    func encoded(_ format: ClientFormat) -> [UInt8] {
        var output = ByteBuffer(capacity: 128 + body.count)
        switch format {
        case .json: write(JSONWriter(), to: &output)
        case .messagePack: write(MessagePackWriter(), to: &output)
        case .cbor: write(CBORWriter(), to: &output)
        }
        return output.array()
    }

    private func write<Writer: WireWriter>(_ writer: Writer, to output: inout ByteBuffer) {
        do throws(WireError) {
            try tryWrite(writer, to: &output)
        } catch {
            // Texts, whole numbers and finite doubles are all that stands here, and every format has those.
            preconditionFailure("an envelope could not be written: \(error)")
        }
    }

    private func tryWrite<Writer: WireWriter>(
        _ start: Writer,
        to output: inout ByteBuffer
    ) throws(WireError) {
        var writer = start
        let optional: [Bool] = [
            id != nil, method != nil, !body.isEmpty, error != nil, seq != nil, key != nil, deadlineMilliseconds != nil,
            clock != nil,
        ]
        var scope = try writer.beginObject(count: 1 + optional.count { $0 }, to: &output)
        try writer.key("type", in: &scope, to: &output)
        try writer.string(type, to: &output)
        if let id {
            try writer.key("id", in: &scope, to: &output)
            try writer.int64(id, to: &output)
        }
        if let method {
            try writer.key("method", in: &scope, to: &output)
            try writer.string(method, to: &output)
        }
        if !body.isEmpty {
            try writer.key(type == "response" ? "result" : "params", in: &scope, to: &output)
            output.append(body)
        }
        if let error {
            try writer.key("error", in: &scope, to: &output)
            try error.wireForm.write(with: &writer, to: &output)
        }
        if let seq {
            try writer.key("seq", in: &scope, to: &output)
            try writer.uint64(seq, to: &output)
        }
        if let key {
            try writer.key("key", in: &scope, to: &output)
            try writer.string(key, to: &output)
        }
        if let deadlineMilliseconds {
            try writer.key("deadline_ms", in: &scope, to: &output)
            try writer.int64(deadlineMilliseconds, to: &output)
        }
        if let clock {
            try writer.key("t", in: &scope, to: &output)
            try writer.double(clock, to: &output)
        }
        try writer.endObject(scope, to: &output)
    }
}
