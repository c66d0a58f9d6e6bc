import Base
import Wire

/// Appends envelopes to a buffer, in all four formats, without allocating.
///
/// What is hot in JSON (the frame around a result) is prepared text; everything else is written by the format's own
/// writer. A response that was begun and then fails is taken back with `ByteBuffer.truncate(to: open.start)`.
enum EnvelopeWriter {
    /// Where a response began, and where its result does.
    struct Open {
        /// The buffer's count before the response.
        let start: Int
        /// The buffer's count before the result.
        let body: Int
    }

    // MARK: Responses

    /// Begins a response; the result follows as one whole value of the format, then `endResponse`.
    @inline(__always)
    static func beginResponse(_ id: Int64, _ format: WireFormat, to output: inout ByteBuffer) -> Open {
        let start = output.count
        switch format {
        case .json:
            output.append(#"{"type":"response","id":"#)
            output.append(decimal: Int(id))
            output.append(#","result":"#)
        case .messagePack: beginResponse(id, MessagePackWriter(), &output)
        case .cbor: beginResponse(id, CBORWriter(), &output)
        case .protobuf: beginResponse(id, ProtobufWriter(), &output)
        }
        return Open(start: start, body: output.count)
    }

    /// Ends a response behind its result. One without a result says null, so that every response has something to tell.
    @inline(__always)
    static func endResponse(_ open: Open, _ format: WireFormat, to output: inout ByteBuffer) {
        switch format {
        case .json:
            if output.count == open.body { output.append("null") }
            output.append(UInt8(ascii: "}"))
        case .messagePack: if output.count == open.body { output.append(0xC0) }
        case .cbor: if output.count == open.body { output.append(0xF6) }
        case .protobuf: patchLength(at: open.body, &output)
        }
    }

    private static func beginResponse<Writer: WireWriter>(
        _ id: Int64,
        _ writer: consuming Writer,
        _ output: inout ByteBuffer
    ) {
        certainly(&output) { output throws(WireError) in
            var scope = try writer.beginObject(count: 3, to: &output)
            try writeKind(.response, &writer, &scope, &output)
            try writer.key(EnvelopeKey.id, in: &scope, to: &output)
            try writer.int64(id, to: &output)
            try writer.key(EnvelopeKey.result, in: &scope, to: &output)
            // Protobuf's length is known at the end.
            if Writer.format == .protobuf { try writer.bytes(RawSpan(), to: &output) }
        }
    }

    // MARK: Errors

    /// An error as it is told: borrowed from wherever it comes.
    struct Failure {
        let code: ErrorCode
        let message: String
        var details: Value?
        var retryAfterMilliseconds: Int64?
    }

    /// Appends a response that carries an error; without a number when the call's is not known.
    static func append(_ failure: borrowing Failure, id: Int64?, _ format: WireFormat, to output: inout ByteBuffer) {
        let start = output.count
        if write(failure, id, failure.details, format, &output) { return }
        // Details that the format can't hold, such as a NaN in JSON: the rest matters more.
        output.truncate(to: start)
        _ = write(failure, id, nil, format, &output)
    }

    private static func write(
        _ failure: borrowing Failure,
        _ id: Int64?,
        _ details: Value?,
        _ format: WireFormat,
        _ output: inout ByteBuffer
    ) -> Bool {
        do throws(WireError) {
            switch format {
            case .json: try write(failure, id, details, JSONWriter(), &output)
            case .messagePack: try write(failure, id, details, MessagePackWriter(), &output)
            case .cbor: try write(failure, id, details, CBORWriter(), &output)
            case .protobuf: try write(failure, id, details, ProtobufWriter(), &output)
            }
            return true
        } catch {
            return false
        }
    }

    @inline(__always)
    private static func write<Writer: WireWriter>(
        _ failure: borrowing Failure,
        _ id: Int64?,
        _ details: Value?,
        _ writer: consuming Writer,
        _ output: inout ByteBuffer
    ) throws(WireError) {
        var scope = try writer.beginObject(count: id == nil ? 2 : 3, to: &output)
        try writeKind(.response, &writer, &scope, &output)
        if let id {
            try writer.key(EnvelopeKey.id, in: &scope, to: &output)
            try writer.int64(id, to: &output)
        }
        try writer.key(EnvelopeKey.error, in: &scope, to: &output)
        try writeError(failure, details, &writer, &output)
        try writer.endObject(scope, to: &output)
    }

    @inline(__always)
    private static func writeError<Writer: WireWriter>(
        _ failure: borrowing Failure,
        _ details: Value?,
        _ writer: inout Writer,
        _ output: inout ByteBuffer
    ) throws(WireError) {
        let entries = 3 + (details == nil ? 0 : 1) + (failure.retryAfterMilliseconds == nil ? 0 : 1)
        var inner = try writer.beginObject(count: entries, to: &output)
        try writer.key(EnvelopeKey.code, in: &inner, to: &output)
        try writer.string(failure.code.name, to: &output)
        try writer.key(EnvelopeKey.message, in: &inner, to: &output)
        try writer.string(failure.message, to: &output)
        if let details {
            try writer.key(EnvelopeKey.details, in: &inner, to: &output)
            try write(details, &writer, &output)
        }
        try writer.key(EnvelopeKey.retry, in: &inner, to: &output)
        try writer.bool(failure.code.retry, to: &output)
        if let milliseconds = failure.retryAfterMilliseconds {
            try writer.key(EnvelopeKey.retryAfter, in: &inner, to: &output)
            try writer.int64(milliseconds, to: &output)
        }
        try writer.endObject(inner, to: &output)
    }

    /// Appends an error by itself, as one whole value: what is then told many times.
    static func appendError(_ failure: borrowing Failure, _ format: WireFormat, to output: inout ByteBuffer) -> Bool {
        func whole<Writer: WireWriter>(_ writer: consuming Writer, _ output: inout ByteBuffer) throws(WireError) {
            try writeError(failure, failure.details, &writer, &output)
        }
        do throws(WireError) {
            switch format {
            case .json: try whole(JSONWriter(), &output)
            case .messagePack: try whole(MessagePackWriter(), &output)
            case .cbor: try whole(CBORWriter(), &output)
            case .protobuf: try whole(ProtobufWriter(), &output)
            }
            return true
        } catch {
            return false
        }
    }

    /// Appends a response with an error that is written already.
    static func append(error: RawSpan, id: Int64, _ format: WireFormat, to output: inout ByteBuffer) {
        switch format {
        case .json:
            output.append(#"{"type":"response","id":"#)
            output.append(decimal: Int(id))
            output.append(#","error":"#)
            output.append(error)
            output.append(UInt8(ascii: "}"))
        case .messagePack: failed(error, id, MessagePackWriter(), &output)
        case .cbor: failed(error, id, CBORWriter(), &output)
        case .protobuf: failed(error, id, ProtobufWriter(), &output)
        }
    }

    private static func failed<Writer: WireWriter>(
        _ error: RawSpan,
        _ id: Int64,
        _ writer: consuming Writer,
        _ output: inout ByteBuffer
    ) {
        certainly(&output) { output throws(WireError) in
            var scope = try writer.beginObject(count: 3, to: &output)
            try writeKind(.response, &writer, &scope, &output)
            try writer.key(EnvelopeKey.id, in: &scope, to: &output)
            try writer.int64(id, to: &output)
            try writer.key(EnvelopeKey.error, in: &scope, to: &output)
            try writeWhole(error, &writer, &output)
            try writer.endObject(scope, to: &output)
        }
    }

    /// Details have no schema, so Protobuf carries them as a JSON text.
    private static func write<Writer: WireWriter>(
        _ details: Value,
        _ writer: inout Writer,
        _ output: inout ByteBuffer
    ) throws(WireError) {
        guard Writer.format == .protobuf else { return try details.write(with: &writer, to: &output) }
        var text = ByteBuffer()
        try details.write(.json, to: &text)
        try writer.bytes(text.bytes, to: &output)
    }

    // MARK: Requests and pongs

    /// Appends a question to a client. The params are one whole value of the format.
    static func appendRequest(
        _ id: Int64,
        method: String,
        params: RawSpan,
        timeoutMilliseconds: Int64,
        _ format: WireFormat,
        to output: inout ByteBuffer
    ) {
        switch format {
        case .json: request(id, method, params, timeoutMilliseconds, JSONWriter(), &output)
        case .messagePack: request(id, method, params, timeoutMilliseconds, MessagePackWriter(), &output)
        case .cbor: request(id, method, params, timeoutMilliseconds, CBORWriter(), &output)
        case .protobuf: request(id, method, params, timeoutMilliseconds, ProtobufWriter(), &output)
        }
    }

    // swift-format would not know which of six are too many; they are the fields of one envelope.
    private static func request<Writer: WireWriter>(
        _ id: Int64,
        _ method: String,
        _ params: RawSpan,
        _ timeoutMilliseconds: Int64,
        _ writer: consuming Writer,
        _ output: inout ByteBuffer
    ) {
        certainly(&output) { output throws(WireError) in
            var scope = try writer.beginObject(count: params.isEmpty ? 4 : 5, to: &output)
            try writeKind(.request, &writer, &scope, &output)
            try writer.key(EnvelopeKey.id, in: &scope, to: &output)
            try writer.int64(id, to: &output)
            try writer.key(EnvelopeKey.method, in: &scope, to: &output)
            try writer.string(method, to: &output)
            try writer.key(EnvelopeKey.timeout, in: &scope, to: &output)
            try writer.int64(timeoutMilliseconds, to: &output)
            if !params.isEmpty {
                try writer.key(EnvelopeKey.params, in: &scope, to: &output)
                try writeWhole(params, &writer, &output)
            }
            try writer.endObject(scope, to: &output)
        }
    }

    /// Appends the answer to a ping: the client's own clock, and ours in milliseconds since 1970.
    static func appendPong(_ clock: Double, server: Double, _ format: WireFormat, to output: inout ByteBuffer) {
        switch format {
        case .json: pong(clock, server, JSONWriter(), &output)
        case .messagePack: pong(clock, server, MessagePackWriter(), &output)
        case .cbor: pong(clock, server, CBORWriter(), &output)
        case .protobuf: pong(clock, server, ProtobufWriter(), &output)
        }
    }

    private static func pong<Writer: WireWriter>(
        _ clock: Double,
        _ server: Double,
        _ writer: consuming Writer,
        _ output: inout ByteBuffer
    ) {
        // What no clock shows (NaN, in the formats that have it) is answered by what JSON could say too.
        let clock = clock.isFinite ? clock : 0
        certainly(&output) { output throws(WireError) in
            var scope = try writer.beginObject(count: 3, to: &output)
            try writeKind(.pong, &writer, &scope, &output)
            try writer.key(EnvelopeKey.clock, in: &scope, to: &output)
            try writer.double(clock, to: &output)
            try writer.key(EnvelopeKey.server, in: &scope, to: &output)
            try writer.double(server, to: &output)
            try writer.endObject(scope, to: &output)
        }
    }

    // MARK: Parts

    @inline(__always)
    static func writeKind<Writer: WireWriter>(
        _ kind: EnvelopeKind,
        _ writer: inout Writer,
        _ scope: inout WireScope,
        _ output: inout ByteBuffer
    ) throws(WireError) {
        try writer.key(EnvelopeKey.type, in: &scope, to: &output)
        if Writer.format == .protobuf {
            try writer.uint64(UInt64(kind.rawValue), to: &output)
        } else {
            try writer.string(kind.word, to: &output)
        }
    }

    /// Writes a value that is encoded already; in Protobuf a message as the bytes of its field.
    @inline(__always)
    static func writeWhole<Writer: WireWriter>(
        _ value: RawSpan,
        _ writer: inout Writer,
        _ output: inout ByteBuffer
    ) throws(WireError) {
        if Writer.format == .protobuf { try writer.bytes(value, to: &output) } else { output.append(value) }
    }

    /// Does what cannot fail: our own words and finite numbers, a few levels deep. If it does all the same, nothing of
    /// it is sent.
    @inline(__always)
    static func certainly(_ output: inout ByteBuffer, _ body: (inout ByteBuffer) throws(WireError) -> Void) {
        let start = output.count
        do throws(WireError) {
            try body(&output)
        } catch {
            assertionFailure("an envelope of ours can't be written: \(error)")
            output.truncate(to: start)
        }
    }

    /// Puts the length in front of what was written since `body`; one byte of room was left for it.
    @inline(__always)
    static func patchLength(at body: Int, _ output: inout ByteBuffer) {
        let count = output.count - body
        guard count < 0x80 else { return widenLength(count, at: body, &output) }
        unsafe output.withUnsafeMutableBytes { unsafe $0[body - 1] = UInt8(count) }
    }

    private static func widenLength(_ count: Int, at body: Int, _ output: inout ByteBuffer) {
        var digits = 1
        while count >> (7 * digits) > 0 {
            digits += 1
            output.append(0)
        }
        unsafe output.withUnsafeMutableBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            unsafe (base + (body - 1 + digits)).copyMemory(from: base + body, byteCount: count)
            for digit in 0..<digits {
                let more: UInt8 = digit < digits - 1 ? 0x80 : 0
                unsafe bytes[body - 1 + digit] = UInt8(truncatingIfNeeded: count >> (7 * digit)) & 0x7F | more
            }
        }
    }
}
