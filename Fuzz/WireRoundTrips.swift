import Base
import Wire

/// What must hold for the codec of a self-describing format, whatever the bytes: refused with an error inside of them, or
/// read; and then what is written reads as the same value.
func checkRoundTrips(_ start: UnsafePointer<UInt8>?, _ count: Int, as format: WireFormat) -> CInt {
    var input = ByteBuffer()
    input.append(copying: UnsafeRawBufferPointer(start: start, count: count))
    checkTree(input, format)
    checkStreams(input, format)
    return 0
}

/// Read as a value, written, read again: equal, and from then on the same bytes.
private func checkTree(_ input: borrowing ByteBuffer, _ from: WireFormat) {
    do throws(WireError) {
        let value = try Value(input.bytes, as: from)
        for format in formats {
            var message = ByteBuffer()
            do throws(WireError) {
                switch format {
                case .json: try write(value, JSONWriter(), &message)
                case .messagePack: try write(value, MessagePackWriter(), &message)
                default: try write(value, CBORWriter(), &message)
                }
            } catch {
                precondition(error.kind == .noCounterpart && format == .json)
                continue
            }
            let again = try Value(message.bytes, as: format)
            // JSON has no bytes, so they come back as text.
            precondition(format == .json || again == value)
            var first = ByteBuffer()
            var second = ByteBuffer()
            try again.write(format, to: &first)
            try Value(first.bytes, as: format).write(format, to: &second)
            precondition(second.array() == first.array())
        }
    } catch {
        precondition(error.offset >= 0 && error.offset <= input.count)
    }
}

private func write<Writer: WireWriter>(
    _ value: Value,
    _ writer: consuming Writer,
    _ output: inout ByteBuffer
) throws(WireError) {
    try value.write(with: &writer, to: &output)
}

/// Streamed into each format and back, it no longer changes after the first round. In that one, whole numbers beyond 64
/// bits become doubles, because JSON does not tell them apart.
private func checkStreams(_ input: borrowing ByteBuffer, _ from: WireFormat) {
    for format in formats {
        guard let there = try? transcoded(input, from, format) else { continue }
        do throws(WireError) {
            // What was written must be readable, whatever it was.
            let second = try transcoded(transcoded(there, format, from), from, format)
            let third = try transcoded(transcoded(second, format, from), from, format)
            precondition(second.array() == third.array())
        } catch {
            preconditionFailure("what was written is not read: \(error)")
        }
    }
}

private func transcoded(
    _ input: borrowing ByteBuffer,
    _ from: WireFormat,
    _ to: WireFormat
) throws(WireError) -> ByteBuffer {
    var output = ByteBuffer()
    do throws(WireError) {
        try Transcoder.transcode(from: from, to: to, input: input.bytes, output: &output)
    } catch {
        precondition(error.offset >= 0 && error.offset <= input.count)
        throw error
    }
    return output
}

private let formats: [WireFormat] = [.json, .messagePack, .cbor]
