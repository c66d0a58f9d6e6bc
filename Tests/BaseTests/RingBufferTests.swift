import Base
import Testing

@Suite("RingBuffer") struct RingBufferTests {
    @Test(arguments: [1, 2, 7, 8, 9, 100])
    func `elements come out in order and the one too many comes back`(maximum: Int) {
        var ring = RingBuffer<Int>(maximum: maximum)
        for round in 0..<3 {
            for number in 0..<maximum { expect(ring.append(number + round) == nil) }
            expect(ring.isFull)
            expect(ring.append(-7) == -7)
            for number in 0..<maximum { expect(ring.popFirst() == number + round) }
            expect(ring.popFirst() == nil)
        }
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func `a ring agrees with an array over any history`(seed: UInt64) {
        var entropy = SeededEntropy(seed: seed)
        var ring = RingBuffer<Int>(maximum: 37)
        var model: [Int] = []
        for step in 0..<3_000 {
            switch entropy.uniform(below: 10) {
            case 0...4:
                expect((ring.append(step) == nil) == (model.count < 37))
                if model.count < 37 { model.append(step) }
            case 5...7: expect(ring.popFirst() == (model.isEmpty ? nil : model.removeFirst()))
            case 8: expect(ring.popLast() == model.popLast())
            default:
                if !model.isEmpty {
                    let place = entropy.uniform(in: 0...model.count - 1)
                    ring[place] += 1
                    model[place] += 1
                    expect(ring[place] == model[place])
                }
            }
            expect(ring.count == model.count)
        }
        while let next = ring.popFirst() { expect(next == model.removeFirst()) }
    }

    @Test func `elements that wait are destroyed with their queue`() {
        let alive = Living()
        do {
            var ring = RingBuffer<Guest>(maximum: 20)
            for _ in 0..<20 { expect(ring.append(Guest(alive)) == nil) }
            _ = ring.popFirst()
            _ = ring.popLast()
            expect(alive.count == 18)
        }
        expect(alive.count == 0)
    }

    @Test func `reading past the end is our bug`() async {
        await #expect(processExitsWith: .failure) {
            let ring = RingBuffer<Int>(maximum: 1)
            _ = ring[0]
        }
    }
}

@Suite("SharedBytes") struct SharedBytesTests {
    @Test(arguments: [0, 1, 7, 4_096])
    func `shared bytes are the bytes they were made of, wherever they are held`(count: Int) async {
        let original = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let shared = SharedBytes(original)
        let copies = await withTaskGroup(of: [UInt8].self) { group in
            for _ in 0..<8 { group.addTask { shared.withUnsafeBytes { Array($0) } } }
            return await group.reduce(into: [[UInt8]]()) { $0.append($1) }
        }
        expect(copies == Array(repeating: original, count: 8))
        expect(shared.count == count && shared.bytes.byteCount == count)
        var buffer = ByteBuffer()
        buffer.append(shared.bytes)
        expect(SharedBytes(buffer).withUnsafeBytes { Array($0) } == original)
    }
}
