import Base
import Synchronization
import Testing
import Wire

@testable import Console

@Suite("JSON log") struct JSONLogTests {
    private func line(_ fields: LogEntry.Fields, _ limits: Limits.Telemetry = Limits.Telemetry()) -> String {
        let entry = LogEntry(
            time: WallTime(nanoseconds: 1_795_252_438_123_000_000),
            level: .warning,
            room: "web",
            message: "it happened",
            fields: fields,
            trace: TraceContext(traceHigh: 1, traceLow: 2, span: 3, isSampled: true),
            suppressed: 4
        )
        var out = ByteBuffer()
        JSONLog(limits: limits).append(entry, to: &out)
        return String(decoding: out.array(), as: UTF8.self)
    }

    private func object(_ line: String) throws -> Value.Object {
        guard case .object(let object) = try Value(Array(line.utf8).span.bytes, as: .json) else { return [:] }
        return object
    }

    @Test func `a line tells what a line of text tells, for machines`() {
        let name = "Ada \"the\" 1st\n"
        let line = line([
            "player": .text(name), "count": 3, "full": true, "load": .number(0.5),
            "took": .duration(.milliseconds(1_500)),
        ])
        #expect(
            line == """
                {"time":"2026-11-21T09:13:58.123Z","level":"warning","room":"web","message":"it happened",\
                "trace_id":"00000000000000010000000000000002","span_id":"0000000000000003","suppressed":4,\
                "player":"Ada \\"the\\" 1st\\n","count":3,"full":true,"load":0.5,"took_seconds":1.5}

                """
        )
    }

    @Test(arguments: [
        "", "a\nb\r", "\u{0}\u{1}\u{1F}\u{7F}", "\u{2028}\u{2029}\u{85}", "\\\"", "é😀", "\u{202E}", "{\"a\":1}",
        "\u{9B}31m\u{90}q", "\u{2066}\u{FEFF}",
    ])
    func `whatever a value holds, the line is one line and the value comes back`(value: String) throws {
        let line = line(["v": .text(value)])
        #expect(line.utf8.filter { $0 == 0x0A }.count == 1 && line.hasSuffix("\n"))
        #expect(!line.unicodeScalars.dropLast().contains { TextLog.steers($0) })
        #expect(try object(line)["v"] == .string(value))
    }

    @Test func `numbers that JSON has no form for are told as text`() throws {
        let object = try object(
            line(["a": .number(.infinity), "b": .number(.nan), "c": .number(1e300), "d": .integer(.min)])
        )
        #expect(object["a"] == .string("inf") && object["b"] == .string("nan"))
        #expect(object["c"] == .double(1e300) && object["d"] == .int(.min))
    }

    @Test func `no field can pass for one of ours, and no key stands twice`() throws {
        let object = try object(line(["time": 1, "level": 2, "message": 3, "a": 4, "a": 5]))
        #expect(object["time_"] == .int(1) && object["level_"] == .int(2) && object["message_"] == .int(3))
        #expect(object["a"] == .int(4) && object["a_"] == .int(5) && object["level"] == .string("warning"))
    }

    @Test func `a line and a value that are too long are cut, and the line is JSON still`() throws {
        var limits = Limits.Telemetry()
        limits.valueBytesMax = 21
        limits.lineBytesMax = 280
        let long = String(repeating: "é", count: 1_000)
        let fields: LogEntry.Fields = ["a": .text(long), "b": .text(long), "c": .text(long), "d": .text(long)]
        let line = line(fields, limits)
        let object = try object(line)
        #expect(object["a"] == .string(String(repeating: "é", count: 10) + "…"))
        #expect(object["cut"] == .bool(true) && object["d"] == nil && line.utf8.count <= 280 + 14)
    }

    @Test func `secrets are hidden`() {
        let line = line(["refresh_token": "abc", "authorization": "Bearer abc", "seed": .secret])
        #expect(!line.contains("abc"))
        #expect(line.contains("\"refresh_token\":\"[hidden]\",\"authorization\":\"[hidden]\",\"seed\":\"[hidden]\""))
    }

    @Test func `auto is text for a person and JSON for a machine`() {
        for (isTerminal, beginning) in [(true, "1970-"), (false, "{\"time\"")] {
            let text = Mutex("")
            let sink = LogForm.auto.sink(isTerminal: isTerminal, limits: Limits.Telemetry()) { line in
                let line = line.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
                text.withLock { $0 += line }
            }
            Log(clock: { WallTime(nanoseconds: 0) }, sink: sink).info("x")
            #expect(text.withLock { $0.hasPrefix(beginning) })
        }
    }
}
