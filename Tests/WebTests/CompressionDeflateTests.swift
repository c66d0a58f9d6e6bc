import Base
import Testing

@testable import Web

private func inflate(
    _ bytes: [UInt8],
    step: Int = .max,
    limit: Int = 1 << 20,
    with inflater: inout Inflater
) throws(DeflateRefusal) -> [UInt8] {
    var output = ByteBuffer()
    var at = 0
    repeat {
        let next = at + min(step, bytes.count - at)
        let piece = Array(bytes[at..<next])
        do {
            try lend(piece) { try inflater.decompress($0, isLast: next == bytes.count, limit: limit, to: &output) }
        } catch let refusal as DeflateRefusal {
            throw refusal
        } catch {
            Issue.record(error)
        }
        at = next
    } while at < bytes.count
    return output.array()
}

private func inflate(_ bytes: [UInt8], step: Int = .max, limit: Int = 1 << 20) throws -> [UInt8] {
    var inflater = try Inflater()
    return try inflate(bytes, step: step, limit: limit, with: &inflater)
}

private func compress(_ bytes: [UInt8], with deflater: inout Deflater) -> [UInt8] {
    var output = ByteBuffer()
    lend(bytes) { deflater.compress($0, to: &output) }
    return output.array()
}

/// Bytes that compress, but not to nothing.
private func sample(_ count: Int, seed: UInt64) -> [UInt8] {
    var state = seed
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 61) &+ 0x61
    }
}

@Suite("Compressed messages") struct CompressionDeflateTests {
    private let hello = Array("Hello".utf8)

    @Test func `the examples of RFC 7692 are understood`() throws {
        #expect(try inflate([0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00]) == hello)
        // Not compressed, marked as final, and in two blocks.
        #expect(try inflate([0x00, 0x05, 0x00, 0xFA, 0xFF, 0x48, 0x65, 0x6C, 0x6C, 0x6F, 0x00]) == hello)
        #expect(try inflate([0xF3, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00, 0x00]) == hello)
        #expect(try inflate([0xF2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xFF, 0xFF, 0xCA, 0xC9, 0xC9, 0x07, 0x00]) == hello)
        #expect(try inflate([0x00]) == [])
    }

    @Test func `a window that is kept makes the second message shorter`() throws {
        var keeping = try Inflater(keepsWindow: true)
        #expect(try inflate([0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00], with: &keeping) == hello)
        #expect(try inflate([0xF2, 0x00, 0x11, 0x00, 0x00], with: &keeping) == hello)
        var forgetting = try Inflater()
        #expect(try inflate([0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00], with: &forgetting) == hello)
        #expect(throws: DeflateRefusal.malformed) { try inflate([0xF2, 0x00, 0x11, 0x00, 0x00], with: &forgetting) }
    }

    @Test(arguments: [0, 1, 5, 100, 1_000, 40_000, 300_000], [1, 7, 1_000, Int.max])
    func `a message comes back the same however it is cut`(count: Int, step: Int) throws {
        var deflater = try Deflater()
        var inflater = try Inflater()
        let text = sample(count, seed: 7)
        for _ in 0..<2 {
            let packed = compress(text, with: &deflater)
            #expect(packed.count < max(count, 8))
            #expect(try inflate(packed, step: step, with: &inflater) == text)
        }
    }

    @Test(arguments: 8...15) func `no window is larger than agreed on`(bits: Int) throws {
        var deflater = try Deflater(windowBits: bits)
        let text = sample(bits == 8 ? 256 : 5_000, seed: UInt64(bits))
        #expect(deflater.accepts(count: 257) == (bits > 8))
        #expect(try inflate(compress(text, with: &deflater)) == text)
    }

    @Test func `a message of nothing is one byte`() throws {
        var deflater = try Deflater()
        #expect(compress([], with: &deflater) == [0x00])
    }

    @Test func `a bomb costs no more than the limit`() throws {
        var deflater = try Deflater(level: 9)
        var inflater = try Inflater()
        let bomb = compress([UInt8](repeating: 0, count: 20_000_000), with: &deflater)
        #expect(bomb.count < 40_000)
        var output = ByteBuffer()
        _ = lend(bomb) { piece in
            #expect(throws: DeflateRefusal.tooBig) {
                try inflater.decompress(piece, isLast: true, limit: 100_000, to: &output)
            }
        }
        #expect(output.count <= 100_001)
        // And the next message of another connection is not disturbed.
        #expect(try inflate([0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00], with: &inflater) == hello)
    }

    @Test func `the limit is exact`() throws {
        var deflater = try Deflater()
        let packed = compress([UInt8](repeating: 7, count: 5_000), with: &deflater)
        #expect(try inflate(packed, limit: 5_000).count == 5_000)
        #expect(throws: DeflateRefusal.tooBig) { try inflate(packed, limit: 4_999) }
        #expect(throws: DeflateRefusal.tooBig) { try inflate(packed, step: 1, limit: 4_999) }
    }

    @Test func `garbage and a message that was cut off are refused`() throws {
        for bytes in [[0xFF], [0x06, 0x00], [0xF2, 0x48, 0xCD]] as [[UInt8]] {
            #expect(throws: DeflateRefusal.malformed, "\(bytes)") { try inflate(bytes) }
        }
    }

    @Test func `a message whose connection is gone leaves nothing behind`() throws {
        var inflater = try Inflater()
        var output = ByteBuffer()
        try lend([0xF2, 0x48, 0xCD] as [UInt8]) {
            try inflater.decompress($0, isLast: false, limit: 100, to: &output)
        }
        inflater.abandon()
        #expect(try inflate([0xF2, 0x48, 0xCD, 0xC9, 0xC9, 0x07, 0x00], with: &inflater) == hello)
    }

    @Test func `a compressor outside the rules is our bug`() async {
        await #expect(processExitsWith: .failure) { _ = try Deflater(windowBits: 16) }
        await #expect(processExitsWith: .failure) {
            var deflater = try Deflater(windowBits: 8)
            _ = compress([UInt8](repeating: 0, count: 257), with: &deflater)
        }
    }
}
