import Synchronization
import Testing

@testable import Base

@Suite("Call metrics") struct CallMetricsTests {
    @Test func `calls count by method and code, and what is unknown counts as that`() throws {
        let calls = try CallMetrics(methods: ["a", "b"], Registry(loops: 2))
        calls.record(method: 0, code: nil, nanoseconds: 1_500, loop: 0)
        calls.record(method: 0, code: nil, nanoseconds: 1_500, loop: 1)
        calls.record(method: 1, code: .rateLimited, nanoseconds: 10, loop: 1)
        calls.record(method: 7, code: .unknownMethod, nanoseconds: 10, loop: 1)
        calls.record(method: -1, number: 9_999, nanoseconds: -5, loop: 0)
        #expect(calls.count(method: 0, code: nil) == 2 && calls.count(method: 1, code: nil) == 0)
        #expect(calls.count(method: 1, code: .rateLimited) == 1)
        #expect(calls.count(method: calls.unknownMethod, code: .unknownMethod) == 1)
        #expect(calls.count(method: calls.unknownMethod, code: .internal) == 1)
    }

    @Test func `every code of the catalogue counts by itself`() throws {
        let calls = try CallMetrics(methods: ["a"], Registry(loops: 1))
        for code in ErrorCode.all { calls.record(method: 0, code: code, nanoseconds: 0, loop: 0) }
        for code in ErrorCode.all { #expect(calls.count(method: 0, code: code) == 1) }
    }

    @Test func `what is refused counts by its code too, whether or not it was a call`() throws {
        let calls = try CallMetrics(methods: ["a"], Registry(loops: 2))
        calls.record(method: 0, code: nil, nanoseconds: 1, loop: 0)
        calls.record(method: 0, code: .rateLimited, nanoseconds: 1, loop: 0)
        calls.refused(.rateLimited, loop: 1)
        #expect(calls.refusals(.rateLimited) == 2 && calls.refusals(.internal) == 0)
        #expect(calls.durations(of: 0).counts.reduce(0, +) == 2)
    }

    @Test func `every time counts in the bucket that holds it`() throws {
        let times = try Registry(loops: 1).timings("x_seconds", help: "", label: "method", members: ["a", "b"])
        let edges = TimingFamily.bounds.flatMap { [$0 - 1, $0, $0 + 1] }
        let values = [Int.min, -1, 0, 1, 999] + edges + (0..<63).map { 1 << $0 } + [.max]
        for (index, value) in values.enumerated() {
            let before = times.snapshot(of: 1).counts
            times.record(nanoseconds: Int64(value), member: 1, loop: 0)
            let changed = zip(before, times.snapshot(of: 1).counts).enumerated().filter { $0.element.0 != $0.element.1 }
            let bucket = TimingFamily.bounds.firstIndex { value <= $0 } ?? TimingFamily.bounds.count
            #expect(changed.map(\.offset) == [bucket], "\(index): \(value)")
        }
        #expect(times.snapshot(of: 0).counts.allSatisfy { $0 == 0 })
        #expect(TimingFamily.bounds == TimingFamily.bounds.sorted() && Set(TimingFamily.bounds).count == 22)
    }

    @Test func `a family that does not fit is refused with its reason`() throws {
        var limits = Limits.Telemetry()
        limits.familyMembersMax = 2
        let registry = Registry(loops: 1, limits: limits)
        let three = ["1", "2", "3"]
        #expect(throws: MetricRefusal.registryFull(2)) {
            try registry.timings("a_seconds", help: "", label: "x", members: three)
        }
        #expect(throws: MetricRefusal.badLabelValue("")) {
            try registry.counters("a_total", help: "", labels: ["x"], members: [[""]])
        }
        #expect(throws: MetricRefusal.labelTwice("a_total")) {
            try registry.counters("a_total", help: "", labels: ["x", "x"], members: [["1", "2"]])
        }
        _ = try registry.gauge("b", help: "", labels: [MetricLabel("x", "1")])
        #expect(throws: MetricRefusal.registeredAsAnotherKind("b")) {
            try registry.observe("b", help: "", ObservedValue { 1 })
        }
    }

    @Test func `counting for a member that does not exist is our bug`() async {
        await #expect(processExitsWith: .failure) {
            try Registry(loops: 1).counters("a_total", help: "", labels: ["x"], members: [["1"]]).add(
                member: 1,
                loop: 0
            )
        }
    }
}

@Suite("Call log") struct CallLogTests {
    private final class Page: Sendable {
        let lines = Mutex<[String]>([])
        let second = Atomic<Int64>(0)
        private var time: WallTime { WallTime(nanoseconds: second.load(ordering: .relaxed) * 1_000_000_000) }

        func calls(_ level: LogLevel, _ options: CallLog.Options = .init(), loops: Int = 1) -> (CallLog, Log) {
            let sink = TextLog().sink { line in
                let text = line.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
                self.lines.withLock { $0.append(String(text.dropFirst(25))) }
            }
            let log = Log(level: level, clock: { [self] in time }, sink: sink)
            return (CallLog(log, loops: loops, options), log)
        }

        var text: [String] { lines.withLock { $0 } }
    }

    private let fast: Int64 = 1_000
    private let start = MonotonicTime(nanoseconds: 5_000_000_000)

    @Test func `a call that is not logged does not even build its facts`() {
        let page = Page()
        let (calls, _) = page.calls(.info)
        var built = 0
        func facts() -> CallLog.Facts {
            built += 1
            return CallLog.Facts(method: "a")
        }
        for _ in 0..<100 { calls.ended(nil, nanoseconds: fast, at: start, loop: 0, facts()) }
        #expect(built == 0 && page.text.isEmpty)
    }

    @Test func `a call over the threshold is told with who, what and how long`() {
        let page = Page()
        let (calls, _) = page.calls(.info)
        calls.ended(
            nil,
            nanoseconds: 60_000_000,
            at: start,
            loop: 0,
            CallLog.Facts(method: "player.attack", session: "s1", player: "p1")
        )
        #expect(
            page.text == [
                "info gamekeeper: a call took long method=player.attack session=s1 player=p1 result=OK took=60ms left_out=0\n"
            ]
        )
    }

    @Test func `refusals are logged a few times per second and loop, and then counted`() {
        let page = Page()
        let (calls, _) = page.calls(.info, loops: 2)
        for loop in 0..<2 {
            for _ in 0..<100 {
                calls.ended(.rateLimited, nanoseconds: fast, at: start, loop: loop, CallLog.Facts(method: "a"))
            }
        }
        #expect(page.text.count == 10)
        let later = start + .seconds(1)
        page.second.store(1, ordering: .relaxed)
        calls.ended(.rateLimited, nanoseconds: fast, at: later, loop: 1, CallLog.Facts(method: "a"))
        #expect(page.text.last?.hasSuffix("result=RATE_LIMITED took=1us left_out=95\n") == true)
    }

    @Test func `at debug every call is logged, and the level may change while it runs`() {
        let page = Page()
        let (calls, log) = page.calls(.info)
        log.level = .debug
        calls.levelChanged()
        for _ in 0..<50 { calls.ended(nil, nanoseconds: fast, at: start, loop: 0, CallLog.Facts(method: "a")) }
        #expect(page.text.count == 50)
        log.level = .info
        calls.levelChanged()
        calls.ended(nil, nanoseconds: fast, at: start, loop: 0, CallLog.Facts(method: "a"))
        #expect(page.text.count == 50)
    }

    @Test func `one in so many is logged where that was asked for`() {
        let page = Page()
        let (calls, _) = page.calls(.info, CallLog.Options(oneIn: 10))
        for _ in 0..<50 { calls.ended(nil, nanoseconds: fast, at: start, loop: 0, CallLog.Facts(method: "a")) }
        #expect(page.text.count == 5)
    }

    @Test func `a text under a secret name is hidden whoever logs it`() {
        let lines = Mutex("")
        let log = Log(
            clock: { WallTime(nanoseconds: 0) },
            sink: TextLog().sink { line in
                let text = line.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
                lines.withLock { $0 += text }
            }
        )
        log.info("x", ["refresh_token": "abc", "password": "abc", "key": .secret, "token": 3, "player": "ada"])
        let text = lines.withLock { $0 }
        #expect(!text.contains("abc") && text.contains("token=3 player=ada") && text.contains("key=[hidden]"))
    }
}
