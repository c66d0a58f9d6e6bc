// Chunked bodies: the events of a body that is cut anywhere join to those of the whole. The first byte chooses the cuts.

/// Judges one input; a broken promise traps.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzChunks(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
    guard count > 1 else { return 0 }
    let bytes = Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
    let whole = Outcome(bytes, step: bytes.count)
    let cut = Outcome(bytes, step: Int(start[0]) % 13 + 1)
    precondition(whole.body == cut.body, "the cuts changed the body")
    precondition(whole.trailers == cut.trailers, "the cuts changed the trailers")
    precondition(whole.end == cut.end, "the cuts changed the end")
    precondition(whole.used == cut.used || whole.end == .needMore || whole.end != .end, "the cuts moved the end")
    return 0
}

private struct Outcome {
    var body: [UInt8] = []
    var trailers: [[UInt8]] = []
    var end = HTTPBodyEvent.needMore
    var used = 0

    init(_ bytes: [UInt8], step: Int) {
        var reader = HTTPBodyReader(
            .chunked,
            limits: HTTPLimits(chunkLineBytesMax: 64, chunkExtensionBytesMax: 100, trailerBytesMax: 128)
        )
        var held: [UInt8] = []
        var given = 0
        while given < bytes.count || given == 0 {
            let next = min(given + step, bytes.count)
            held += bytes[given..<next]
            given = next
            var offset = 0
            end = drain(&reader, held, &offset)
            used += offset
            held.removeFirst(offset)
            guard end == .needMore else { return }
            precondition(held.count <= 128, "more is kept than a line")
            if given == bytes.count { return }
        }
    }

    private mutating func drain(_ reader: inout HTTPBodyReader, _ held: [UInt8], _ offset: inout Int) -> HTTPBodyEvent {
        held.withUnsafeBytes { raw in
            let span = RawSpan(_unsafeBytes: raw)
            while true {
                let event = reader.next(span, &offset)
                switch event {
                case .bytes(let range): body += raw[range.offsets]
                case .trailer(let field): trailers.append(Array(raw[field.name.offsets]) + raw[field.value.offsets])
                default: return event
                }
            }
        }
    }
}
