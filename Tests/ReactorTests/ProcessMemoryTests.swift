import Testing

@testable import Reactor

@Suite(.serialized) struct ProcessMemoryTests {
    @Test(.enabled(if: ProcessMemory.inUse > 1 << 20, "a sanitizer's allocator counts for itself"))
    func `what a peak has left behind is given back, and then there is nothing to do`() throws {
        var peak: [[UInt8]] = []
        var pins: [[UInt8]] = []
        for _ in 0..<400 {
            peak.append(Array(repeating: 1, count: 100_000))
            pins.append(Array(repeating: 1, count: 100))
        }
        let before = try #require(ProcessVitals.memory).resident
        peak = []
        // Other tests allocate beside this one, so little is said of how much it is.
        let spare = try #require(ProcessMemory.giveBack(beyond: 1 << 20))
        #expect(spare > 1 << 20)
        #expect(try #require(ProcessVitals.memory).resident < before + (200 << 20))
        #expect(ProcessMemory.giveBack(beyond: 1 << 40) == nil)
        #expect(pins.count == 400)
    }
}
