import Base
import Testing

/// Says what a test wants to be said, and then zeros.
struct ScriptedEntropy: SecureEntropySource {
    private var words: [UInt64]
    init(_ words: [UInt64]) { self.words = words.reversed() }
    mutating func next() -> UInt64 { words.popLast() ?? 0 }
}

@Suite("Entropy") struct EntropyTests {
    @Test func `the generator says what its authors' reference says`() {
        // Computed with the authors' C code from the state 1, 2, 3, 4.
        var entropy = SeededEntropy(state: [1, 2, 3, 4])
        let first = (0..<5).map { _ in entropy?.next() }
        #expect(first == [11_520, 0, 1_509_978_240, 1_215_971_899_390_074_240, 1_216_172_134_540_287_360])
    }

    @Test func `a seed says the same for ever`() {
        var entropy = SeededEntropy(seed: 0)
        #expect(entropy.saved.first == 0xE220_A839_7B1D_CDAF)  // SplitMix64's published first output for 0
        let state = entropy.saved
        let ahead = (0..<100).map { _ in entropy.next() }
        var resumed = SeededEntropy(state: state)
        #expect((0..<100).map { _ in resumed?.next() } == ahead)
        #expect(resumed == entropy)
    }

    @Test func `a state of zeros is refused`() {
        #expect(SeededEntropy(state: [0, 0, 0, 0]) == nil)
        #expect(SeededEntropy(state: [1]) == nil)
    }

    @Test(arguments: [1, 2, 3, 6, 100, 1 << 63, UInt64.max])
    func `numbers below a bound stay below it and reach both ends`(bound: UInt64) {
        var entropy = SeededEntropy(seed: bound)
        for _ in 0..<1_000 { #expect(entropy.uniform(below: bound) < bound) }
        var lowest = ScriptedEntropy([1])
        #expect(lowest.uniform(below: bound) == 0)
        var highest = ScriptedEntropy([.max])
        #expect(highest.uniform(below: bound) == bound - 1)
    }

    @Test func `a number that would favour some results is thrown again`() {
        // For 3, exactly one low half is unfair: the product of zero.
        var entropy = ScriptedEntropy([0, 0, 1 << 63])
        #expect(entropy.uniform(below: 3) == 1)
    }

    @Test func `each of six sides falls as often as the others`() {
        var entropy = SeededEntropy(seed: 6)
        var falls = [Int](repeating: 0, count: 6)
        for _ in 0..<60_000 { falls[entropy.uniform(in: 0...5)] += 1 }
        let chiSquared = falls.reduce(0.0) { $0 + Double(($1 - 10_000) * ($1 - 10_000)) / 10_000 }
        #expect(chiSquared < 20.5)  // 0.1 % of fair dice exceed this; the seed is fixed
    }

    @Test func `a range may be all whole numbers or one`() {
        var entropy = SeededEntropy(seed: 1)
        #expect(entropy.uniform(in: 5...5) == 5)
        #expect(entropy.uniform(in: .min ... .max) != entropy.uniform(in: .min ... .max))
        for _ in 0..<100 { #expect((-3...3).contains(entropy.uniform(in: -3...3))) }
    }

    @Test func `a fraction is never one`() {
        var largest = ScriptedEntropy([.max, 0])
        #expect(largest.fraction() == 1 - 0x1p-53)
        #expect(largest.fraction() == 0)
    }

    @Test func `every order of four cards comes up about as often`() {
        var entropy = SeededEntropy(seed: 4)
        var orders: [[Int]: Int] = [:]
        for _ in 0..<24_000 {
            var cards = [0, 1, 2, 3]
            entropy.shuffle(&cards)
            orders[cards, default: 0] += 1
        }
        #expect(orders.count == 24)
        #expect(orders.values.allSatisfy { (850...1_150).contains($0) })
    }

    @Test(arguments: [0, 1, 7, 8, 9, 100])
    func `random bytes are as many as were asked for`(count: Int) {
        var entropy = SeededEntropy(seed: 9)
        var out = ByteBuffer()
        entropy.append(count, to: &out)
        #expect(out.count == count)
        var system = SystemEntropy()
        #expect(system.next() != system.next())
    }

    @Test func `a number below zero is our bug`() async {
        await #expect(processExitsWith: .failure) {
            var entropy = SeededEntropy(seed: 1)
            _ = entropy.uniform(below: 0)
        }
    }
}
