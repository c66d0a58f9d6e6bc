import Foundation
import Synchronization
import Testing

@testable import Reactor

@Suite struct ThreadTests {
    @Test func `a thread never takes the signals that stop the process, whoever has started it`() throws {
        let status = Mutex("")
        let thread = Thread(named: "listener") {
            let text = (try? String(contentsOfFile: "/proc/thread-self/status", encoding: .utf8)) ?? ""
            status.withLock { $0 = text }
        }
        thread.join()
        let line = status.withLock { $0 }.split(separator: "\n").first { $0.hasPrefix("SigBlk:") }
        let blocked = UInt64(try #require(line).dropFirst(7).trimmingCharacters(in: .whitespaces), radix: 16) ?? 0
        for signal in [SIGTERM, SIGINT, SIGHUP] { #expect(blocked >> UInt64(signal - 1) & 1 == 1, "\(signal)") }
    }
}
