import Synchronization
import Testing

@testable import Base

/// Keeps what a log wrote.
private final class Page: Sendable {
    private let text = Mutex("")
    let second = Atomic<Int64>(0)

    func log(level: LogLevel = .debug, limits: Limits.Telemetry = Limits.Telemetry()) -> Log {
        let sink = TextLog(limits: limits).sink { line in
            let line = line.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
            self.text.withLock { $0 += line }
        }
        return Log(level: level, limits: limits, clock: { [self] in time }, sink: sink)
    }

    private var time: WallTime { WallTime(nanoseconds: second.load(ordering: .relaxed) * 1_000_000_000) }
    var lines: [String] { text.withLock { $0.split(separator: "\n").map(String.init) } }
}

@Suite("Log") struct LogTests {
    @Test func `a line tells when, how bad, where, what and what is known`() {
        let page = Page()
        page.second.store(1_795_252_438, ordering: .relaxed)
        let refused = 3
        page.log().room("reactor").warning(
            "connection refused",
            [
                "peer": "[::1]:4711", "loop": .integer(refused), "full": true, "load": .number(0.5),
                "after": .duration(.milliseconds(1_500)), "path": "a b",
            ]
        )
        #expect(
            page.lines == [
                "2026-11-21T09:13:58.000Z warning reactor: connection refused peer=\"[::1]:4711\" loop=3 full=yes "
                    + "load=0.5 after=1.500s path=\"a b\""
            ]
        )
    }

    @Test func `fields below the level are never built`() {
        let page = Page()
        let log = page.log(level: .warning)
        var built = 0
        func field() -> LogValue {
            built += 1
            return 1
        }
        log.debug("quiet", ["x": field()])
        log.info("quiet", ["x": field()])
        #expect(built == 0 && page.lines.isEmpty)
        log.level = .debug
        log.room("other").debug("loud", ["x": field()])
        #expect(built == 1 && page.lines.count == 1)
    }

    @Test(arguments: [
        ("a\nb", "\"a\\nb\""), ("", "\"\""), ("\u{1B}[2J", "\"\\u{1b}[2J\""), ("say \"hi\"", "\"say \\\"hi\\\"\""),
        ("\u{202E}gpj.exe", "\"\\u{202e}gpj.exe\""), ("\u{85}", "\"\\u{85}\""), ("\\", "\"\\\\\""), ("Ada", "Ada"),
        ("a=b", "\"a=b\""), ("é", "\"é\""), ("\r\t\0", "\"\\r\\t\\u{0}\""), ("\u{2028}", "\"\\u{2028}\""),
    ])
    func `a value cannot forge a line or steer a terminal`(value: String, shown: String) {
        let page = Page()
        page.log().info("said", ["text": .text(value)])
        #expect(page.lines == ["1970-01-01T00:00:00.000Z info gamekeeper: said text=\(shown)"])
    }

    @Test func `a value and a line that are too long are cut where a character ends`() {
        let page = Page()
        var limits = Limits.Telemetry()
        limits.valueBytesMax = 20
        limits.lineBytesMax = 101
        let long = String(repeating: "é", count: 1_000)
        page.log(limits: limits).info("said", ["a": .text(long)])
        page.log(limits: limits).info("said", ["a": .text(long), "b": .text(long), "c": .text(long)])
        #expect(page.lines.first?.hasSuffix("a=\"éééééééééé…\"") == true)
        #expect(page.lines.last?.hasSuffix(" …cut") == true && page.lines.last?.contains("\u{FFFD}") == false)
        #expect(page.lines.allSatisfy { $0.utf8.count <= 101 + 7 })
    }

    @Test func `repeats of a second are counted and told with the next line`() {
        let page = Page()
        let log = page.log()
        for second in 0..<2 {
            page.second.store(Int64(second), ordering: .relaxed)
            for _ in 0..<100 { log.info("again") }
            log.info("once \(second)" == "once 0" ? "first" : "second")
        }
        #expect(page.lines.filter { $0.contains("again") }.count == 20)
        #expect(page.lines.filter { $0.contains("suppressed=90") }.count == 1)
        #expect(page.lines.count == 22)
    }

    @Test func `a flood of different messages shares one budget`() {
        var repeats = LogRepeats(perSecondMax: 2, messagesMax: 10)
        let written = (1...1_000).filter { repeats.admit(UInt($0), second: 5) != .suppress }
        #expect(written.count == 12)
        #expect(repeats.admit(2_000, second: 6) == .write(suppressed: 0))
    }

    @Test(arguments: [
        (0, "0s"), (1, "1ns"), (-1_500, "-1.500us"), (999_999, "999.999us"), (61_000_000_000, "61s"),
        (Int64.max, "9223372036.854s"), (Int64.min, "-9223372036.854s"),
    ])
    func `a time is shown in the unit that reads best`(nanoseconds: Int64, shown: String) {
        let page = Page()
        page.log().info("took", ["t": .duration(.nanoseconds(nanoseconds))])
        #expect(page.lines.first?.hasSuffix("t=\(shown)") == true)
    }
}

@Suite("CalendarTime") struct CalendarTimeTests {
    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000Z", 4), (951_782_400, "2000-02-29T00:00:00.000Z", 2),
        (1_709_164_799, "2024-02-28T23:59:59.000Z", 3), (4_107_542_400, "2100-03-01T00:00:00.000Z", 1),
        (-1, "1969-12-31T23:59:59.000Z", 3), (-62_135_596_800 / 10, "1773-02-05T19:12:00.000Z", 5),
    ])
    func `moments have the date that calendars give them`(seconds: Int64, text: String, weekday: Int) {
        let time = CalendarTime(WallTime(nanoseconds: seconds * 1_000_000_000))
        var out = ByteBuffer()
        time.append(to: &out)
        #expect(String(decoding: out.array(), as: UTF8.self) == text)
        #expect(time.weekday == weekday)
    }

    @Test func `the ends of the clock have dates too`() {
        #expect(CalendarTime(WallTime(nanoseconds: .min)).year == 1677)
        #expect(CalendarTime(WallTime(nanoseconds: .max)).year == 2262)
        #expect(CalendarTime(WallTime(nanoseconds: .max)).millisecond == 854)
    }
}
