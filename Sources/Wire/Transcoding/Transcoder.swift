public import Base

/// Turns a message of one format into the same message of another, token by token and without a tree.
///
/// Counts that a binary format needs in advance and the other does not tell are found by a first pass over the input,
/// which keeps four bytes per object or array. What has no counterpart:
/// - Bytes become base64 (with padding) in JSON. A text of JSON stays a text, whatever it holds.
/// - NaN and the infinities are refused by JSON.
/// - Keys that are not text stay from CBOR to CBOR and from MessagePack to MessagePack, and are refused elsewhere.
/// - Whole numbers beyond 64 bits (CBOR) keep their digits in JSON and are refused by MessagePack. Such digits in JSON
///   are read as the nearest double.
/// - CBOR's `undefined` becomes null; its other simple values are refused. Both stay what they are from CBOR to CBOR.
/// - CBOR's tags stay from CBOR to CBOR; elsewhere their content stands alone (RFC 8949 §6.1).
/// - Extensions of MessagePack, timestamps among them, stay from MessagePack to MessagePack and are refused elsewhere.
/// - A key that stands twice in an object is passed on: without a tree nobody remembers it. `Value` refuses it.
public enum Transcoder {
    /// Appends the message in the input in another format.
    ///
    /// - Throws: `WireError` with an offset in the input, also for a value that has no counterpart. The output is then
    ///   as it was before.
    public static func transcode(
        from: WireFormat,
        to: WireFormat,
        input: RawSpan,
        output: inout ByteBuffer
    ) throws(WireError) {
        let before = output.count
        do throws(WireError) {
            switch from {
            case .json: try transcode(JSONReader(input), to, countsAreMissing: true, &output)
            case .messagePack: try transcode(MessagePackReader(input), to, countsAreMissing: false, &output)
            case .cbor: try transcode(CBORReader(input), to, countsAreMissing: true, &output)
            case .protobuf: throw WireError(.needsSchema, expected: .schema, at: 0)
            }
        } catch {
            output.truncate(to: before)
            throw error
        }
    }

    private static func transcode<Reader: WireReader & ~Escapable>(
        _ reader: consuming Reader,
        _ format: WireFormat,
        countsAreMissing: Bool,
        _ output: inout ByteBuffer
    ) throws(WireError) {
        switch format {
        case .json:
            var step = TranscodingStep(JSONWriter())
            try step.run(&reader, &output)
        case .messagePack:
            var step = TranscodingStep(MessagePackWriter())
            if countsAreMissing { step.counts = try ContainerCounts(reader, for: format) }
            try step.run(&reader, &output)
        case .cbor:
            var step = TranscodingStep(CBORWriter())
            if countsAreMissing { step.counts = try ContainerCounts(reader, for: format) }
            try step.run(&reader, &output)
        case .protobuf: throw WireError(.needsSchema, expected: .schema, at: 0)
        }
    }
}
