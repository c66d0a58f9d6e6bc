import Base
import Testing

@testable import Command

@Suite struct ConformanceTests {
    @Test func `what the suites need of the limits keeps what limits promise each other`() {
        var limits = Limits()
        ConformanceCommand.widen(&limits)
        #expect(limits.violations().isEmpty)
    }
}
