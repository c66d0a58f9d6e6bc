import Base
import Wire

@testable import Gateway

/// Reads whole frames for tests, into words.
enum EnvelopeFrames {
    static func read(_ bytes: [UInt8], _ format: WireFormat) -> ReadFrame {
        var held = ByteBuffer()
        held.append(bytes)
        return switch format {
        case .json: read(EnvelopeReader<JSONReader>(held.bytes), held.bytes, format)
        case .messagePack: read(EnvelopeReader<MessagePackReader>(held.bytes), held.bytes, format)
        case .cbor: read(EnvelopeReader<CBORReader>(held.bytes), held.bytes, format)
        case .protobuf: read(EnvelopeReader<ProtobufReader>(held.bytes), held.bytes, format)
        }
    }

    private static func read<Reader: WireReader & ~Escapable>(
        _ reader: consuming EnvelopeReader<Reader>,
        _ frame: RawSpan,
        _ format: WireFormat
    ) -> ReadFrame {
        var result = ReadFrame()
        var envelope = Envelope()
        while true {
            switch reader.next(&envelope) {
            case .envelope: result.items.append(words(envelope, frame, format))
            case .refused(let fault):
                let name =
                    fault.field.isEmpty && fault.problem == .unknownField
                    ? fault.number > 0 ? "#\(fault.number)" : text(fault.name, frame, format) : "\(fault.field.name)"
                let id = envelope.callID.map { " id=\($0)" } ?? ""
                result.items.append("refused \(fault.problem) \(name)\(id)")
            case .malformed(let error):
                result.malformed = error
                return result
            case .end: return result
            }
        }
    }

    private static func words(_ envelope: Envelope, _ frame: RawSpan, _ format: WireFormat) -> String {
        var words = ["\(envelope.kind.word)"]
        if let id = envelope.callID { words.append("id=\(id)") }
        if envelope.fields.contains(.method) { words.append("method=\(text(envelope.method, frame, format))") }
        if envelope.fields.contains(.seq) { words.append("seq=\(envelope.seq)") }
        if envelope.fields.contains(.key) { words.append("key=\(text(envelope.key, frame, format))") }
        if envelope.fields.contains(.deadline) { words.append("deadline=\(envelope.deadlineMilliseconds)") }
        if envelope.fields.contains(.trace) { words.append("trace=\(text(envelope.trace, frame, format))") }
        if envelope.fields.contains(.clock) { words.append("t=\(envelope.clock)") }
        for (field, place, name) in [
            (EnvelopeFields.params, envelope.params, "params"), (.result, envelope.result, "result"),
            (.error, envelope.error, "error"),
        ] where envelope.fields.contains(field) {
            // In Protobuf an empty message is no bytes at all.
            words.append(place.count > 0 || format == .protobuf ? name : "nothing")
        }
        return words.joined(separator: " ")
    }

    static func text(_ place: WirePlace, _ frame: RawSpan, _ format: WireFormat) -> String {
        place.withText(in: frame, format) { bytes in bytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) } }
    }
}
