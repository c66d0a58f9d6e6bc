import Base
import Gamekeeper
import Reactor
import Testing
import Web
import Wire

@testable import Gamekeeper

/// Reads settings from texts, so that no test depends on the machine.
private func read(
    _ flags: [String] = [],
    environment: [String: String] = [:],
    file: String? = nil
) throws(SettingRefusal) -> Configuration {
    let variables = environment.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }
    let reader = ConfigurationReader(environment: variables) { (path) throws(FileRefusal) in
        guard let file, path == "gk.conf" else { throw FileRefusal(path, .notFound) }
        return Array(file.utf8)
    }
    return try reader.read((file == nil ? [] : ["--config", "gk.conf"]) + flags)
}

@Suite("Configuration") struct ConfigurationTests {
    @Test func `options replace the defaults and nothing else`() throws {
        let configuration = try read(["--listen", "[::1]:80", "--loops", "2", "--proxy", "10.0.0.0/8"])
        #expect(configuration.addresses == [try SocketAddress("[::1]:80")])
        #expect(configuration.loops == 2)
        #expect(configuration.proxies.contains(try SocketAddress("10.1.2.3:4")))
        #expect(configuration.tls == nil)
        #expect(configuration.admin == .ip(.loopback, port: 7401))
    }

    @Test func `a flag counts more than the environment, that more than the file, and the file more than the default`()
        throws
    {
        let file = "loops = 1\nslow-call = 10ms\nlog-level = error\n"
        let configuration = try read(
            ["--loops=3"],
            environment: ["GAMEKEEPER_LOOPS": "2", "GAMEKEEPER_SLOW_CALL": "20ms"],
            file: file
        )
        #expect(configuration.loops == 3 && configuration.sources["loops"] == .flag("--loops"))
        #expect(configuration.slowCall == .milliseconds(20))
        #expect(configuration.sources["slow-call"] == .environment("GAMEKEEPER_SLOW_CALL"))
        #expect(configuration.logLevel == .error && configuration.sources["log-level"] == .file("gk.conf", line: 3))
        #expect(configuration.gracePeriod == .seconds(30) && configuration.sources["grace-period"] == nil)
    }

    @Test func `the file may be named by the environment, and a flag names another`() throws {
        let reader = ConfigurationReader(environment: [("GAMEKEEPER_CONFIG", "one")]) {
            (path) throws(FileRefusal) in
            Array((path == "one" ? "loops = 1" : "loops = 2").utf8)
        }
        #expect(try reader.read([]).loops == 1)
        #expect(try reader.read(["--config=two"]).loops == 2)
    }

    @Test func `a list is replaced as a whole, and a repeated flag makes one list`() throws {
        let file = "listen = 127.0.0.1:1, 127.0.0.1:2\n"
        #expect(try read(file: file).addresses.count == 2)
        #expect(try read(["--listen", "127.0.0.1:3"], file: file).addresses == [.ip(.loopback, port: 3)])
        #expect(try read(["--listen", "127.0.0.1:3", "--listen", "127.0.0.1:4,127.0.0.1:5"]).addresses.count == 3)
        #expect(try read(environment: ["GAMEKEEPER_LISTEN": " 127.0.0.1:3 , 127.0.0.1:4"]).addresses.count == 2)
        #expect(try read(file: "proxies =\n").proxies.ranges.isEmpty)
    }

    @Test(arguments: [
        (["--nothing"], "flag --nothing: there is no setting --nothing; `gamekeeper config` lists them"),
        (["--lisen", "x"], "flag --lisen: there is no setting --lisen; did you mean --listen?"),
        (["--listen"], "flag --listen: listen needs a value: addresses such as 127.0.0.1:7400"),
        (["--loops", "0"], "flag --loops: loops can't be \"0\"; it must be auto, or 1 to 256"),
        (["--listen", "here"], "flag --listen: listen can't be \"here\""),
        (["here"], "here is no flag; flags begin with --"), (["--"], "-- is no flag"),
        (["--admin-token", "0123456789abcdef"], "set GAMEKEEPER_ADMIN_TOKEN or write it into a file"),
        (["--slow-call", "50"], "it must be a time from 1ms to 1m, such as 250ms"),
        (["--slow-call", "0ms"], "slow-call can't be"), (["--trace-share", "1.5"], "trace-share can't be"),
        (["--proxy-protocol=maybe"], "it must be yes or no"), (["--origins", "game.example"], "origins can't be"),
        (["--otlp", "ftp://x"], "otlp can't be"), (["--tls", "a.pem"], "needs a value: two files"),
        (["--config", "gone"], "gone can't be read: there is no such file"), (["--data", ""], "data can't be empty"),
    ]) func `what can't be understood is named`(flags: [String], told: String) {
        do {
            _ = try read(flags)
            Issue.record("it was understood")
        } catch {
            #expect("\(error)".contains(told), "\(error)")
        }
    }

    @Test func `a bad variable is told by its name, and a secret is not repeated`() {
        do {
            _ = try read(environment: ["GAMEKEEPER_ADMIN_TOKEN": "short secret"])
            Issue.record("it was understood")
        } catch {
            #expect("\(error)".hasPrefix("environment GAMEKEEPER_ADMIN_TOKEN: admin-token can't be"))
            #expect(!"\(error)".contains("short secret"))
        }
        #expect(throws: SettingRefusal.self) { try read(environment: ["GAMEKEEPER_LOPS": "1"]) }
    }

    @Test func `variables that an orchestrator sets about a service of our name are no settings`() throws {
        let configuration = try read(environment: [
            "GAMEKEEPER_SERVICE_HOST": "10.0.0.1", "GAMEKEEPER_PORT_7400_TCP_ADDR": "10.0.0.1", "GAMEKEEPER_PORT": "x",
        ])
        #expect(configuration.sources.isEmpty)
    }

    @Test func `the former flags keep working`() throws {
        let configuration = try read([
            "--tls", "a.pem", "b.pem", "--proxy", "::1", "--proxy-protocol", "--log", "debug",
        ])
        #expect(configuration.tls == TLSIdentity(chain: .file("a.pem"), key: .file("b.pem")))
        #expect(configuration.usesProxyProtocol && configuration.logLevel == .debug)
    }

    @Test func `every setting takes back what it shows, from every source`() throws {
        let preset = Configuration()
        var names: Set<String> = []
        for setting in SettingTable.all {
            #expect(names.insert(setting.name).inserted && !setting.about.isEmpty && !setting.allowed.isEmpty)
            let shown = setting.show(preset)
            guard !setting.isSecret, !shown.isEmpty else { continue }
            let text = shown.map { "\"\($0)\"" }.joined(separator: ", ")
            let rows = [
                try read([setting.flag + "=" + shown.joined(separator: ",")]),
                try read(environment: [setting.variable: shown.joined(separator: ",")]),
                try read(file: "\(setting.name) = \(text)"),
            ].map { $0.rows().first { $0.name == setting.name } }
            for row in rows { #expect(row?.values == shown && row?.source != .preset, "\(setting.name)") }
        }
        #expect(SettingTable.named("limits.loop.connectionsMax")?.variable == "GAMEKEEPER_LIMITS_LOOP_CONNECTIONS_MAX")
    }

    @Test func `the listing names value, default and source, and masks secrets`() throws {
        let secret = "0123456789abcdef"
        let configuration = try read(environment: ["GAMEKEEPER_ADMIN_TOKEN": secret, "GAMEKEEPER_LOOPS": "2"])
        guard case .array(let rows) = configuration.listing() else { return #expect(Bool(false)) }
        #expect(rows.count == SettingTable.all.count)
        var out = ByteBuffer()
        try configuration.listing().write(.json, to: &out)
        let text = String(decoding: out.array(), as: UTF8.self) + configuration.table()
        #expect(!text.contains(secret) && text.contains("[hidden]"))
        #expect(text.contains("from environment GAMEKEEPER_LOOPS; the default is auto"))
    }

    @Test(
        arguments: [
            ("30s", 30_000_000_000), ("250ms", 250_000_000), ("1.5s", 1_500_000_000), ("15m", 900_000_000_000),
            ("2h", 7_200_000_000_000), ("30d", 2_592_000_000_000_000), ("7us", 7_000), ("s", nil), ("1", nil),
            ("-1s", nil), ("1e3s", nil), ("1s ", nil), ("infs", nil), (".5s", nil), ("99999999999d", nil),
        ] as [(String, Int64?)]
    )
    func `times are read strictly`(text: String, nanoseconds: Int64?) {
        let read = SettingValue.time(text, in: .zero ... .seconds(400 * 86_400))
        #expect(read == nanoseconds.map { .nanoseconds($0) })
        if let read, !text.contains(".") { #expect(SettingValue.text(of: read) == text) }
    }

    @Test(
        arguments: [
            ("1", 1), ("64KiB", 65_536), ("4 MiB", 4 << 20), ("1GiB", 1 << 30), ("", nil), ("KiB", nil), ("+1", nil),
            ("0x10", nil), ("9999999999999999999", nil), ("9223372036854775807GiB", nil), ("1KB", nil),
        ] as [(String, Int?)]
    )
    func `numbers are read strictly`(text: String, number: Int?) {
        #expect(SettingValue.number(text, in: 0...(1 << 40)) == number)
    }

    @Test(
        arguments: [
            ("bags=90d", "bags"), ("a=b=0s", "a=b"), ("bags", nil), ("=1d", nil), ("~player=1d", nil), ("bags=", nil),
            ("bags=-1s", nil), ("a\nb=1d", nil),
        ] as [(String, String?)]
    )
    func `how long versions of a store are kept is read strictly`(text: String, store: String?) {
        #expect(SettingValue.retention(text)?.store == store)
    }

    @Test func `stores have retentions of their own, each once`() throws {
        let chosen = try Configuration(arguments: ["--retention", "bags=90d,logs=0s"])
        #expect(chosen.retention == ["bags": .seconds(90 * 86_400), "logs": .zero])
        #expect(throws: SettingRefusal.self) { try Configuration(arguments: ["--retention", "bags=90d,bags=0s"]) }
    }
}

@Suite("Configuration file") struct ConfigurationFileTests {
    private func entries(_ text: String) throws -> [[String]] {
        try ConfigurationFile.entries(in: text, path: "f").map { [$0.name] + $0.values }
    }

    @Test func `comments, quotes, lists and lines that go on are read`() throws {
        let text = """
            # a comment
            \t listen =127.0.0.1:1 ,[::1]:2,   # and another
               unix:/a#b
            data = "C:\\\\a, \\"b\\" # no comment"\r

            proxies =
            log-level = info
            """
        #expect(
            try entries(text) == [
                ["listen", "127.0.0.1:1", "[::1]:2", "unix:/a#b"], ["data", "C:\\a, \"b\" # no comment"], ["proxies"],
                ["log-level", "info"],
            ]
        )
        #expect(try entries("") == [])
    }

    @Test(arguments: [
        "listen", "= 1", "a b = 1", "a = 1,, 2", "a = , 1", "a = \"1", "a = \"1\" 2", "a = 1 \"2\"", "a = 1,", "[a]",
        "a: 1", "é = 1", "a = \"\\n\"",
    ]) func `a line that is none is told by its place`(line: String) {
        #expect(throws: SettingRefusal.malformedLine(source: .file("f", line: 2))) { try entries("# first\n" + line) }
    }

    @Test func `every cut of a file is read or refused, and never traps`() {
        let text = "# c\nlisten = \"127.0.0.1:1\", [::1]:2,\n  unix:/é # x\ndata=\"a\\\\b\"\nloops = 2\n"
        let bytes = Array(text.utf8)
        for end in bytes.indices {
            let cut = String(decoding: bytes[..<end], as: UTF8.self)
            _ = try? ConfigurationFile.entries(in: cut, path: "f")
        }
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func `a file of chance is read or refused, and never traps`(seed: UInt64) {
        var entropy = SeededEntropy(seed: seed)
        let letters = Array("ab=,\"\\# \t\r\n[]:.-_\u{0}é1")
        let text = String(
            (0..<entropy.uniform(in: 0...200)).map { _ in letters[entropy.uniform(in: 0...(letters.count - 1))] }
        )
        _ = try? ConfigurationFile.entries(in: text, path: "f")
    }

    @Test func `the same setting twice, an unknown one and a wrong value are told by file and line`() {
        #expect(
            throws: SettingRefusal.twice("loops", source: .file("gk.conf", line: 3), first: .file("gk.conf", line: 1))
        ) {
            try read(file: "loops = 1\n\nloops = 2")
        }
        #expect(throws: SettingRefusal.unknown("lops", source: .file("gk.conf", line: 1), meant: "loops")) {
            try read(file: "lops = 1")
        }
        let refusal = SettingRefusal.notAllowed(
            "loops",
            value: "1, 2",
            source: .file("gk.conf", line: 2),
            allowed: "auto, or 1 to 256"
        )
        #expect(throws: refusal) { try read(file: "# x\nloops = 1, 2") }
    }
}

@Suite("Configuration safety") struct ConfigurationSafetyTests {
    @Test(arguments: [
        ([], 0), (["--listen", "[::1]:1"], 0), (["--listen", "unix:/a"], 0), (["--listen", "127.8.8.8:1"], 0),
        (["--listen", "0.0.0.0:1"], 1), (["--listen", ":1"], 1), (["--listen", "[::]:1"], 1),
        (["--listen", "0.0.0.0:1", "--data", "none"], 2),
        (["--listen", "0.0.0.0:1", "--tls", "c", "k"], 0),
        (["--listen", "0.0.0.0:1", "--tls", "c", "k", "--data=none"], 1),
        (["--listen", "0.0.0.0:1", "--data", "none", "--allow-insecure"], 0),
        (["--listen", "127.0.0.1:1", "--listen", "10.0.0.1:1"], 1), (["--data", "none"], 0),
        (["--admin", "0.0.0.0:1"], 1), (["--admin", "0.0.0.0:1", "--allow-insecure"], 0), (["--admin", "off"], 0),
        (["--tls-cert", "c"], 1), (["--proxy-protocol"], 1),
        (["--access-token-lifetime", "1d", "--refresh-token-lifetime", "1h"], 1),
        (["--limits.loop.timersMax", "10"], 1), (["--limits.loop.timersMax", "10", "--allow-insecure"], 1),
    ]) func `what would expose players is refused until somebody says so`(flags: [String], objections: Int) throws {
        let found = try read(flags).objections()
        #expect(found.count == objections, "\(found)")
    }

    @Test func `an admin listener for strangers wants a token and does not send it in the clear`() throws {
        let token = ["GAMEKEEPER_ADMIN_TOKEN": "0123456789abcdef", "GAMEKEEPER_ADMIN": "0.0.0.0:1"]
        #expect(try read(environment: token).objections().count == 1)
        #expect(try read(["--tls", "c", "k"], environment: token).objections().isEmpty)
    }

    @Test func `a start with an objection does not listen`() throws {
        let configuration = try read(["--listen", "0.0.0.0:0", "--admin", "off"])
        #expect(throws: Assembly.Failure.self) {
            try Assembly(configuration, routes: { _, _ in .init() }, log: .silent)
        }
    }

    @Test(arguments: [
        ("postgres://ann:secret@db:0/game", "the port"), ("postgres://ann:secret@db/", "no database"),
        ("postgres://db/game", "no user"), ("postgres://ann:secret@db/game?sslmod=require", "sslmod"),
        ("mysql://ann:secret@db/game", "does not begin with postgres://"),
    ])
    func `an address of a database that can't be one is refused with what is wrong, and without its password`(
        url: String,
        words: String
    ) {
        let error = #expect(throws: SettingRefusal.self) { _ = try Configuration(arguments: ["--store", url]) }
        let said = error.map { "\($0)" } ?? ""
        #expect(said.contains(words) && said.contains("flag --store") && !said.contains("secret"), "\(said)")
    }
}
