import Testing

@testable import Reactor

@Suite struct LatchTests {
    @Test func `who waits is let through when it opens, and from then on at once`() {
        let latch = Latch()
        let thread = Thread(named: "opener") { latch.open() }
        #expect(latch.wait(within: .seconds(3_600)))
        #expect(latch.wait(within: .zero))
        thread.join()
    }

    @Test func `who waits too long is told so`() { #expect(!Latch().wait(within: .milliseconds(1))) }
}
