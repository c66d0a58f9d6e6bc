// Envelopes of clients, in all four formats: the first byte chooses the format. Whatever the bytes, every place that is
// told lies within the frame, texts are UTF-8, and reading ends.

import Base
import Wire

@testable import Envelope

/// Judges one input; a broken promise traps.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzEnvelopes(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 1 else { return 0 }
    var held = ByteBuffer()
    held.append(copying: UnsafeRawBufferPointer(start: start + 1, count: count - 1))
    let bytes = held.bytes
    switch start[0] & 3 {
    case 0: judge(EnvelopeReader<JSONReader>(bytes), bytes, .json)
    case 1: judge(EnvelopeReader<MessagePackReader>(bytes), bytes, .messagePack)
    case 2: judge(EnvelopeReader<CBORReader>(bytes), bytes, .cbor)
    default: judge(EnvelopeReader<ProtobufReader>(bytes), bytes, .protobuf)
    }
    return 0
}

private func judge<Reader: WireReader & ~Escapable>(
    _ reader: consuming EnvelopeReader<Reader>,
    _ frame: RawSpan,
    _ format: WireFormat
) {
    var envelope = Envelope()
    var steps = 0
    while true {
        steps += 1
        precondition(steps < 70, "a frame holds at most 64 envelopes")
        switch reader.next(&envelope) {
        case .end: return
        case .malformed(let error):
            precondition(error.offset >= 0 && error.offset <= frame.byteCount)
            return
        case .refused(let fault):
            precondition(fault.name.range.upperBound <= frame.byteCount)
            if format != .protobuf { check(fault.name, frame, format) }
        case .envelope:
            precondition(envelope.id >= 0 && envelope.id <= 1 << 53 && envelope.seq >= 0)
            for place in [envelope.params, envelope.result, envelope.error] {
                precondition(place.range.upperBound <= frame.byteCount)
            }
            for place in [envelope.method, envelope.key, envelope.trace] { check(place, frame, format) }
        }
    }
}

private func check(_ place: WirePlace, _ frame: RawSpan, _ format: WireFormat) {
    precondition(place.range.upperBound <= frame.byteCount)
    place.withText(in: frame, format) { text in
        precondition(text.withUnsafeBytes { String(validating: $0, as: UTF8.self) != nil })
    }
}
