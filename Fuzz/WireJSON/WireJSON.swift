import Base
import Wire

/// Any bytes: refused with an error inside of them, or read; and then what is written reads as the same value.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var input = ByteBuffer()
    input.append(copying: UnsafeRawBufferPointer(start: start, count: count))
    checkTree(input)
    checkStreams(input)
    return 0
}

/// Read as a value, written, read again: equal, and from then on the same bytes.
private func checkTree(_ input: borrowing ByteBuffer) {
    do throws(WireError) {
        let value = try Value(input.bytes, as: .json)
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

/// Streamed into each format and back, until it no longer changes.
private func checkStreams(_ input: borrowing ByteBuffer) {
    for format in formats {
        do throws(WireError) {
            var there = ByteBuffer()
            try Transcoder.transcode(from: .json, to: format, input: input.bytes, output: &there)
            // What was written must be readable, whatever it was.
            var back = ByteBuffer()
            var again = ByteBuffer()
            do throws(WireError) {
                try Transcoder.transcode(from: format, to: .json, input: there.bytes, output: &back)
                try Transcoder.transcode(from: .json, to: format, input: back.bytes, output: &again)
            } catch {
                preconditionFailure("\(format) wrote what it does not read: \(error)")
            }
            precondition(again.array() == there.array())
        } catch {
            precondition(error.offset >= 0 && error.offset <= input.count)
        }
    }
}

private let formats: [WireFormat] = [.json, .messagePack, .cbor]
