import Base
import Wire

/// Events are written in two parts: a short head for each receiver, and a tail that all receivers share.
extension EnvelopeWriter {
    /// What the tail of an event says.
    struct Tail {
        let event: String
        var topic: String?
        var room: String?
        let timestampMilliseconds: Int64
        var trace: TraceContext?

        /// How many fields it has: what heads of MessagePack and CBOR have to count.
        func entries(hasData: Bool) -> Int {
            2 + (hasData ? 1 : 0) + (topic == nil ? 0 : 1) + (room == nil ? 0 : 1) + (trace == nil ? 0 : 1)
        }
    }

    /// Appends the head of an event in front of its tail.
    @inline(__always)
    static func appendEventHead(seq: UInt64?, entries: Int, _ format: WireFormat, to output: inout ByteBuffer) {
        switch format {
        case .json:
            guard let seq else { return output.append(#"{"type":"event","#) }
            output.append(#"{"type":"event","seq":"#)
            output.append(decimal: Int(clamping: seq))
            output.append(UInt8(ascii: ","))
        case .messagePack: eventHead(seq, entries, MessagePackWriter(), &output)
        case .cbor: eventHead(seq, entries, CBORWriter(), &output)
        case .protobuf: eventHead(seq, entries, ProtobufWriter(), &output)
        }
    }

    private static func eventHead<Writer: WireWriter>(
        _ seq: UInt64?,
        _ entries: Int,
        _ writer: consuming Writer,
        _ output: inout ByteBuffer
    ) {
        certainly(&output) { output throws(WireError) in
            var scope = try writer.beginObject(count: entries + (seq == nil ? 1 : 2), to: &output)
            try writeKind(.event, &writer, &scope, &output)
            if let seq {
                try writer.key(EnvelopeKey.seq, in: &scope, to: &output)
                try writer.uint64(seq, to: &output)
            }
        }
    }

    /// Appends the part of an event that is the same for everybody. The data is one whole value of the format.
    static func append(_ tail: Tail, data: RawSpan, _ format: WireFormat, to output: inout ByteBuffer) {
        switch format {
        case .json:
            // The head has opened the object: the same fields without its first bracket.
            let start = output.count
            eventTail(tail, data, JSONWriter(), &output)
            removeByte(at: start, &output)
        case .messagePack: eventTail(tail, data, MessagePackWriter(), &output)
        case .cbor: eventTail(tail, data, CBORWriter(), &output)
        case .protobuf: eventTail(tail, data, ProtobufWriter(), &output)
        }
    }

    private static func eventTail<Writer: WireWriter>(
        _ tail: Tail,
        _ data: RawSpan,
        _ writer: consuming Writer,
        _ output: inout ByteBuffer
    ) {
        let start = output.count
        certainly(&output) { output throws(WireError) in
            var scope = try writer.beginObject(count: tail.entries(hasData: !data.isEmpty), to: &output)
            // The header of a map of a few entries is one byte, and belongs to the head.
            if Writer.format == .messagePack || Writer.format == .cbor { output.truncate(to: start) }
            try writer.key(EnvelopeKey.event, in: &scope, to: &output)
            try writer.string(tail.event, to: &output)
            if !data.isEmpty {
                try writer.key(EnvelopeKey.data, in: &scope, to: &output)
                try writeWhole(data, &writer, &output)
            }
            try writer.key(EnvelopeKey.timestamp, in: &scope, to: &output)
            try writer.int64(tail.timestampMilliseconds, to: &output)
            if let topic = tail.topic {
                try writer.key(EnvelopeKey.topic, in: &scope, to: &output)
                try writer.string(topic, to: &output)
            }
            if let room = tail.room {
                try writer.key(EnvelopeKey.room, in: &scope, to: &output)
                try writer.string(room, to: &output)
            }
            if let trace = tail.trace {
                var text = ByteBuffer()
                trace.append(to: &text)
                try writer.key(EnvelopeKey.trace, in: &scope, to: &output)
                try writer.text(text.bytes, to: &output)
            }
            try writer.endObject(scope, to: &output)
        }
    }

    private static func removeByte(at place: Int, _ output: inout ByteBuffer) {
        unsafe output.withUnsafeMutableBytes { bytes in
            guard let base = bytes.baseAddress, bytes.count > place + 1 else { return }
            unsafe (base + place).copyMemory(from: base + place + 1, byteCount: bytes.count - place - 1)
        }
        output.truncate(to: output.count - 1)
    }
}
