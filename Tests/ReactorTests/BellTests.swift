import Base
import Synchronization
import Testing

@testable import Reactor

@Suite struct BellTests {
    @Test func `a ring that nobody waits for is kept, and heard once`() {
        let bell = Bell()
        #expect(!bell.wait(within: .zero))
        bell.ring()
        bell.ring()
        #expect(bell.wait(within: .zero))
        #expect(!bell.wait(within: .zero))
    }

    @Test func `a thread that sleeps is woken each time`() {
        let (there, back) = (Bell(), Bell())
        let thread = Thread(named: "sleeper") {
            for _ in 0..<1_000 {
                there.wait()
                back.ring()
            }
        }
        for _ in 0..<1_000 {
            there.ring()
            #expect(back.wait(within: .seconds(600)))
        }
        thread.join()
    }
}
