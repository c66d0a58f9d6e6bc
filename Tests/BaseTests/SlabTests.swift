import Base
import Synchronization
import Testing

@Suite("Slab") struct SlabTests {
    @Test func `an element is found by its handle until it is removed and never again`() {
        var slab = Slab<Int>(maximum: 4, slotsPerChunk: 2)
        guard let first = slab.insert(1), let second = slab.insert(2) else { return expect(false) }
        slab[first] += 10
        expect(slab[first] == 11)
        expect(slab.remove(first) == 11)
        expect(slab.remove(first) == nil)
        guard let reused = slab.insert(3) else { return expect(false) }
        expect(reused.index == first.index && reused != first)
        expect(!slab.contains(first) && slab.contains(reused) && slab.contains(second))
        expect(slab.withElement(first, { $0 }) == nil)
        expect(slab.count == 2)
    }

    @Test(arguments: [(1, 1), (2, 256), (5, 2), (8, 4), (1_000, 64)])
    func `a full slab refuses and takes again after a removal`(maximum: Int, slotsPerChunk: Int) {
        var slab = Slab<Int>(maximum: maximum, slotsPerChunk: slotsPerChunk)
        let handles = (0..<maximum).compactMap { slab.insert($0) }
        expect(handles.count == maximum && slab.isFull)
        expect(slab.insert(-1) == nil)
        expect(handles.map { slab[$0] } == Array(0..<maximum))
        expect(slab.remove(handles[maximum / 2]) == maximum / 2)
        expect(!slab.isFull)
        expect(slab.insert(-2) != nil)
        expect(slab.isFull)
    }

    @Test func `an address stays the same while the slab grows and moves`() {
        var slab = Slab<Int>(maximum: 10_000, slotsPerChunk: 16)
        guard let handle = slab.insert(7) else { return expect(false) }
        let before = slab.address(of: handle)
        for number in 0..<9_999 { _ = slab.insert(number) }
        let moved = slab
        expect(moved.address(of: handle) == before)
        expect(before?.pointee == 7)
    }

    @Test func `bits that were never a handle find nothing`() {
        var slab = Slab<Int>(maximum: 100)
        guard let handle = slab.insert(1) else { return expect(false) }
        for bits: UInt64 in [
            0, 1, .max, 99, 0xFF_FFFF, handle.bits + 1, handle.bits + (1 << 24), handle.bits - (1 << 24),
        ] {
            expect(!slab.contains(SlabHandle(bits: bits)))
        }
        expect(SlabHandle(bits: handle.bits) == handle)
        expect(SlabHandle(bits: handle.bits | 0xAB << 56) == handle)
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func `a slab agrees with a dictionary over any history`(seed: UInt64) {
        var entropy = SeededEntropy(seed: seed)
        var slab = Slab<Int>(maximum: 50, slotsPerChunk: 8)
        var model: [SlabHandle: Int] = [:]
        var dead: [SlabHandle] = []
        for step in 0..<2_000 {
            if entropy.chance(0.55) {
                let handle = slab.insert(step)
                expect((handle == nil) == (model.count == 50))
                if let handle { model[handle] = step }
            } else if let victim = model.keys.min(by: { $0.bits % 31 < $1.bits % 31 }) {
                expect(slab.remove(victim) == model.removeValue(forKey: victim))
                dead.append(victim)
            }
        }
        expect(slab.count == model.count)
        for (handle, value) in model { expect(slab[handle] == value) }
        for handle in dead { expect(!slab.contains(handle)) }
        let walked = (0..<slab.slotsTouched).compactMap { slab.handle(inSlot: $0) }
        expect(Set(walked) == Set(model.keys))
    }

    @Test func `every element is destroyed exactly once`() {
        let alive = Living()
        do {
            var slab = Slab<Guest>(maximum: 3, slotsPerChunk: 1)
            let handles = (0..<3).compactMap { _ in slab.insert(Guest(alive)) }
            expect(alive.count == 3)
            expect(slab.insert(Guest(alive)) == nil)
            expect(alive.count == 3)
            _ = slab.remove(handles[1])
            expect(alive.count == 2)
        }
        expect(alive.count == 0)
    }

    @Test func `an aligned element lies aligned in every slot`() {
        var slab = Slab<SIMD4<Double>>(maximum: 9, slotsPerChunk: 4)
        for _ in 0..<9 {
            guard let handle = slab.insert(.one), let address = slab.address(of: handle) else { continue }
            expect(UInt(bitPattern: address) % UInt(MemoryLayout<SIMD4<Double>>.alignment) == 0)
            expect(slab[handle] == .one)
        }
    }

    @Test func `using a stale handle is our bug`() async {
        await #expect(processExitsWith: .failure) {
            var slab = Slab<Int>(maximum: 1)
            guard let handle = slab.insert(1) else { return }
            _ = slab.remove(handle)
            slab[handle] = 2
        }
    }

    @Test func `a slab of nothing is our bug`() async {
        await #expect(processExitsWith: .failure) { _ = Slab<Int>(maximum: 0) }
    }
}

/// Counts the guests that are alive.
final class Living: Sendable {
    private let number = Atomic(0)
    var count: Int { number.load(ordering: .relaxed) }
    func add(_ amount: Int) { number.wrappingAdd(amount, ordering: .relaxed) }
}

/// Cannot be copied, and tells when it begins and ends.
struct Guest: ~Copyable {
    private let living: Living
    init(_ living: Living) {
        self.living = living
        living.add(1)
    }
    deinit { living.add(-1) }
}

/// `#expect` copies what it shows, and a slab cannot be copied.
func expect(_ fact: @autoclosure () -> Bool, at place: SourceLocation = #_sourceLocation) {
    if !fact() { Issue.record("this does not hold", sourceLocation: place) }
}
