import Base
import Console
import Store
import Testing
import Wire

@testable import Command

@Suite("Store command's words") struct StoreRequestTests {
    private static let now = WallTime(nanoseconds: 1_800_000_000_000_000_000)

    private func read(_ line: String) throws -> StoreRequest {
        try StoreRequest(line.split(separator: " ").map(String.init), now: Self.now)
    }

    @Test(arguments: [
        "", "fetch a/b", "get", "get a", "get a/b c", "get a/b --version", "get a/b --version 0", "get a/b --version x",
        "get a/b --at yesterday", "get a/b --version 1 --at 2h", "get a/b --steal", "get a/b --expect 1", "put",
        "put a/b {", "put a/b 1 2", "put a/b 1 --expect none", "list", "list a b", "list a --version 3", "restore a/b",
        "locks a", "locks --scope s", "check a", "check --steal", "place", "remove a/b --prefix c",
    ]) func `what makes no sense is told`(line: String) {
        #expect(throws: StoreRequest.Misunderstood.self) { try read(line) }
    }

    @Test func `options may stand anywhere, and settings are left for the server's own reader`() throws {
        let request = try read("get --json bags/a/b --data here --scope=eu --allow-insecure --version 7 --store memory")
        #expect((request.errand.place.store, request.errand.place.key) == ("bags", "a/b"))
        #expect((request.errand.place.scope, request.errand.version, request.asJSON) == ("eu", 7, true))
        #expect(request.settings == ["--data", "here", "--allow-insecure", "--store", "memory"])
        let put = try read("put bags/a -5 --steal --expect absent")
        #expect((put.errand.value, put.errand.steals, put.errand.expected) == (.int(-5), true, .absent))
        #expect(try read("put bags/a").readsInput && read("put bags/a -").readsInput)
    }

    @Test func `an errand arrives as it was sent`() throws {
        for line in [
            "get bags/a --version 3", "get bags/a --at 2h --scope eu", "put bags/a [1,{}] --expect 4 --steal",
            "put bags/a null", "put bags/a 1 --expect absent", "list bags --prefix x", "locks", "check",
            "restore bags/a --version 2", "remove bags/a",
        ] {
            let errand = try read(line).errand
            #expect(ClerkErrand(errand.object) == errand, "\(line)")
        }
        #expect(ClerkErrand(["do": "dance"]) == nil)
        #expect(ClerkErrand(["do": "put", "expect": "soon"]) == nil)
        #expect(ClerkErrand(["do": "get", "version": "first"]) == nil)
        #expect(ClerkErrand(["do": "get", "at": true]) == nil)
        #expect(ClerkErrand(["do": "remove", "steal": 1]) == nil)
        #expect(ClerkErrand([:]) == nil)
    }

    @Test(
        arguments: [
            ("2026-11-21T09:13:58Z", 1_795_252_438_000_000_000), ("2026-11-21 09:13:58.5", 1_795_252_438_500_000_000),
            ("2026-11-21T11:13:58+02:00", 1_795_252_438_000_000_000), ("2026-11-21T09:13", 1_795_252_380_000_000_000),
            ("1970-01-01T00:00:00Z", 0), ("2024-02-29T00:00Z", 1_709_164_800_000_000_000),
            ("2000-03-01T00:00:00.123456789123Z", 951_868_800_123_456_789), ("0s", 1_800_000_000_000_000_000),
            ("2h", 1_799_992_800_000_000_000), ("1d", 1_799_913_600_000_000_000),
        ] as [(String, Int64)]
    ) func `a moment is read as people write it`(text: String, nanoseconds: Int64) {
        #expect(MomentText.read(text, now: Self.now)?.nanoseconds == nanoseconds)
    }

    @Test(arguments: [
        "", "2h ago", "-2h", "h", "1.5h", "99999999999d", "2026-11-21", "2026-13-01T00:00Z", "2026-02-29T00:00Z",
        "2026-04-31T00:00Z", "2026-11-21T24:00Z", "2026-11-21T09:60Z", "2026-11-21T09:13:60Z", "2026-11-21T09:13:58.Z",
        "2026-11-21T09:13:58Zz", "2026-11-21T09:13:58+2", "26-11-21T09:13Z", "1969-12-31T00:00Z", "9999-01-01T00:00Z",
    ]) func `what is no moment is refused`(text: String) {
        #expect(MomentText.read(text, now: Self.now) == nil)
    }

    @Test func `what stands in the store steers no terminal, and is the same value to programs`() throws {
        let nasty = "a\u{1B}[31mb\u{9B}c\u{202E}d\u{7F}e\u{FEFF}\n\"\\"
        for isIndented in [false, true] {
            let value: Value = [.string(nasty), [.string(nasty)], .object(["\(nasty)k": 1, "é": [:], "l": []])]
            let shown = TerminalText.json(value, indented: isIndented)
            let steering = shown.unicodeScalars.filter { TextLog.steers($0) && $0 != "\n" }
            #expect(steering.isEmpty)
            #expect(shown.contains("\n") == isIndented)
            var bytes = ByteBuffer()
            bytes.append(utf8: shown)
            var before = ByteBuffer()
            var after = ByteBuffer()
            try value.write(.json, to: &before)
            try Value(bytes.bytes, as: .json).write(.json, to: &after)
            #expect(before.array() == after.array())
        }
        #expect(!TerminalText.plain(nasty).unicodeScalars.contains(where: TextLog.steers))
        #expect(TerminalText.plain("plain é") == "plain é")
    }
}
