import Testing

@testable import Base

@Suite("Limits") struct LimitsTests {
    @Test func `the defaults keep every promise that limits make each other`() {
        #expect(Limits().violations() == [])
    }

    @Test func `every limit is a count, a size or a time and is checked for sense`() {
        let limits = Limits()
        let fields = Mirror(reflecting: limits).children.reduce(0) { $0 + Mirror(reflecting: $1.value).children.count }
        #expect(limits.counts.count + limits.durations.count == fields)
        #expect(fields > 60)
    }

    @Test func `a limit of nothing is told by its name`() {
        var limits = Limits()
        limits.http.fieldsMax = 0
        limits.webSocket.pingInterval = .zero
        #expect(
            limits.violations() == [
                "http.fieldsMax must be at least 1", "webSocket.pingInterval must be longer than nothing",
            ]
        )
    }

    @Test func `a dead peer is found within fifteen seconds`() {
        let limits = Limits()
        #expect(limits.webSocket.pingInterval + limits.webSocket.pongTimeout <= .seconds(15))
    }

    @Test func `messages of sixteen megabytes need room for two of them on the way out`() {
        var limits = Limits()
        limits.webSocket.messageBytesMax = 16 << 20
        #expect(limits.violations().contains { $0.hasPrefix("outgoingBytesMax must hold two messages") })
        limits.connection.outgoingBytesMax = 40 << 20
        #expect(!limits.violations().contains { $0.hasPrefix("outgoingBytesMax") })
    }

    @Test func `each relation is found when it is broken`() {
        let breaks: [(String, (inout Limits) -> Void)] = [
            ("outgoingBytesHigh", { $0.connection.outgoingBytesHigh = $0.connection.outgoingBytesMax }),
            ("connectionsMax", { $0.loop.connectionsMax = 1 << 24 }),
            ("timersMax", { $0.loop.timersMax = 1 }),
            ("targetBytesMax", { $0.http.targetBytesMax = $0.http.headBytesMax }),
            ("headTimeout", { $0.http.headTimeout = .seconds(3_600) }),
            ("resolutionsMax", { $0.blocking.resolutionsMax = $0.blocking.threads }),
            ("stopTimeout", { $0.loop.stopTimeout = .seconds(1) }),
        ]
        for (name, spoil) in breaks {
            var limits = Limits()
            spoil(&limits)
            #expect(limits.violations().contains { $0.hasPrefix(name) }, "\(name)")
        }
    }
}

@Suite("ErrorCode") struct ErrorCodeTests {
    @Test func `the catalogue holds the codes of the wire with the numbers and statuses they always had`() {
        let frozen = [
            "TIMEOUT 101 504 transient", "UNAVAILABLE 102 503 transient", "RATE_LIMITED 103 429 transient",
            "CONFLICT 104 409 transient", "INVALID_ARGUMENT 201 400 permanent", "INVALID_ACTION 202 422 permanent",
            "UNAUTHENTICATED 203 401 permanent", "PERMISSION_DENIED 204 403 permanent", "NOT_FOUND 205 404 permanent",
            "UNKNOWN_METHOD 206 404 permanent", "PAYLOAD_TOO_LARGE 207 413 permanent",
            "ALREADY_EXISTS 208 409 permanent", "INTERNAL 301 500 fatal", "DATA_LOSS 302 500 fatal",
        ]
        #expect(ErrorCode.all.map { "\($0) \($0.number) \($0.httpStatus) \($0.category.name)" } == frozen)
    }

    @Test func `names and numbers are unique and found again`() {
        for code in ErrorCode.all {
            #expect(ErrorCode.named(code.description) == code)
            #expect(ErrorCode.numbered(Int(code.number)) == code)
        }
        #expect(ErrorCode.named("internal") == nil)
        #expect(ErrorCode.numbered(-1) == nil)
        #expect(Set(ErrorCode.all).count == ErrorCode.all.count)
    }

    @Test func `only what may pass is sent again, and the number tells the category`() {
        for code in ErrorCode.all {
            #expect(code.retry == (code.category == .transient))
            #expect(code.number / 100 == UInt16(code.category.rawValue))
            #expect(code.advice.description.hasSuffix(".") && code.meaning.description.hasSuffix("."))
        }
    }
}
