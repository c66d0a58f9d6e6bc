// Compressed messages: garbage gives the same result however it is cut and never passes the limit; what is compressed
// comes back the same. The first byte chooses the cuts.

/// Judges one input; a broken promise traps.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzDeflate(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 1 else { return 0 }
    let bytes = Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
    let step = Int(start[0]) % 31 + 1
    let whole = Outcome(bytes, step: bytes.count)
    let cut = Outcome(bytes, step: step)
    precondition(whole.refusal == cut.refusal, "the cuts changed the verdict")
    precondition(whole.refusal != nil || whole.text == cut.text, "the cuts changed the text")

    guard var deflater = try? Deflater(windowBits: Int(start[0] & 7) + 8), deflater.accepts(count: bytes.count) else {
        return 0
    }
    var packed = ByteBuffer()
    bytes.withUnsafeBytes { deflater.compress(RawSpan(_unsafeBytes: $0), to: &packed) }
    let back = Outcome(packed.array(), step: step, limit: bytes.count)
    precondition(back.refusal == nil && back.text == bytes, "a message did not come back")
    return 0
}

private struct Outcome {
    var text: [UInt8] = []
    var refusal: DeflateRefusal?

    init(_ bytes: [UInt8], step: Int, limit: Int = 5_000) {
        guard var inflater = try? Inflater() else { return }
        var output = ByteBuffer()
        var at = 0
        repeat {
            let next = min(at + step, bytes.count)
            bytes.withUnsafeBytes { raw in
                let piece = RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: raw[at..<next]))
                do throws(DeflateRefusal) {
                    try inflater.decompress(piece, isLast: next == bytes.count, limit: limit, to: &output)
                } catch {
                    refusal = error
                }
            }
            precondition(output.count <= limit + 1, "the limit was passed")
            at = next
        } while at < bytes.count && refusal == nil
        text = output.array()
    }
}
