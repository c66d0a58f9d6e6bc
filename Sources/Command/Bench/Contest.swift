/// A row that two programs compete for: the real server and the limit.
struct Contest: Equatable, Sendable {
    /// What the generator does.
    enum Mode: String, Sendable {
        case echo, http, fanout, connect
        case rpc, feed, login, resume

        /// Whether a game is called, or the bare server.
        var callsGame: Bool {
            switch self {
            case .rpc, .feed, .login, .resume: true
            case .echo, .http, .fanout, .connect: false
            }
        }

        /// What the generator does in its place where the limit answers: the same bytes and connections, and no meaning.
        var bare: Self {
            switch self {
            case .rpc: .echo
            case .feed: .fanout
            case .login, .resume: .connect
            case .echo, .http, .fanout, .connect: self
            }
        }
    }

    let name: String
    let mode: Mode
    var tls = false
    var depth = 1
    var connections = 64
    var size = 100
    /// The encoding of calls.
    var encoding = "json"
    /// What is called beside `bench.echo`, and the code by which it has to be refused.
    var method: String?
    var refusal: String?
    /// The ratio that must not be exceeded.
    var goal: Double?

    /// The rows of a benchmark; none where it is no contest.
    static func rows(of benchmark: BenchOptions.Benchmark) -> [Self] {
        switch benchmark {
        case .echo:
            [Self(name: "echo.P1", mode: .echo), Self(name: "echo.P16", mode: .echo, depth: 16)]
        case .http:
            [Self(name: "http.P1", mode: .http), Self(name: "http.P16", mode: .http, depth: 16)]
        case .tls:
            [Self(name: "tls.P1", mode: .echo, tls: true), Self(name: "tls.P16", mode: .echo, tls: true, depth: 16)]
        case .fanout:
            [Self(name: "fanout.1000", mode: .fanout, connections: 1000, size: 1024)]
        case .connect:
            [Self(name: "connect.plain", mode: .connect), Self(name: "connect.tls", mode: .connect, tls: true)]
        case .rpc:
            ["json", "msgpack", "cbor", "protobuf"].flatMap { encoding in
                [
                    Self(name: "rpc.\(encoding).P1", mode: .rpc, size: Self.textBytes, encoding: encoding, goal: 1.35),
                    Self(
                        name: "rpc.\(encoding).P16",
                        mode: .rpc,
                        depth: 16,
                        size: Self.textBytes,
                        encoding: encoding,
                        goal: 4.5
                    ),
                ]
            } + [
                refused("type", nil, "INVALID_ARGUMENT"), refused("rate", "bench.rare", "RATE_LIMITED"),
                refused("permission", "bench.closed", "PERMISSION_DENIED"),
            ]
        case .feed: [Self(name: "feed.1000", mode: .feed, connections: 1000, goal: 1.3)]
        case .resume:
            [
                Self(name: "resume.plain", mode: .resume), Self(name: "resume.tls", mode: .resume, tls: true),
                Self(name: "login.plain", mode: .login), Self(name: "login.tls", mode: .login, tls: true),
            ]
        case .idle, .decode, .start, .call: []
        }
    }

    /// So long that the example's envelope has about 100 bytes, as the messages of the other rows have.
    static let textBytes = 32

    /// Refused calls, many at a time, so that what they cost is the server's work more than the kernel's.
    private static func refused(_ why: String, _ method: String?, _ code: String) -> Self {
        Self(name: "rpc.refused.\(why)", mode: .rpc, depth: 16, size: textBytes, method: method, refusal: code)
    }

    /// What the generator is called with against the real server.
    func generatorArguments(port: Int, server: Int32, seconds: Double) -> [String] {
        var arguments = [mode.rawValue, "--port", "\(port)", "--sample", "\(server)", "--seconds", "\(seconds)"]
        arguments += ["--connections", "\(connections)", "--depth", "\(depth)", "--size", "\(size)"]
        if tls { arguments.append("--tls") }
        guard mode == .rpc else { return arguments }
        arguments += ["--encoding", encoding]
        if let method { arguments += ["--method", method] }
        if let refusal { arguments += ["--refused", refusal] }
        return arguments
    }

    /// What it is called with against the limit: the same messages, without TLS and without a handshake.
    func rawGeneratorArguments(port: Int, server: Int32, seconds: Double, sizes: ExchangeSizes) -> [String] {
        let plain = Self(name: name, mode: mode.bare, depth: depth, connections: connections, size: size)
        var arguments = plain.generatorArguments(port: port, server: server, seconds: seconds)
        // The limit's answer to HTTP is good HTTP; there the generator needs no other mode.
        if mode != .http { arguments += ["--raw", "\(sizes.request)", "\(sizes.reply)"] }
        if mode.bare == .connect { arguments += ["--raw-first", "\(sizes.handshake)", "\(sizes.handshakeReply)"] }
        return arguments
    }

    /// What the limit is called with.
    func limitArguments(sizes: ExchangeSizes) -> [String] {
        var arguments = ["--mode", mode.bare == .connect ? "echo" : mode.bare.rawValue]
        arguments += ["--in", "\(sizes.request)", "--out", "\(sizes.reply)"]
        if mode.bare == .connect {
            arguments += ["--first-in", "\(sizes.handshake)", "--first-out", "\(sizes.handshakeReply)"]
        }
        return arguments
    }

    /// The sizes when the limit plays both sides and nobody tells.
    var usualSizes: ExchangeSizes {
        switch mode.bare {
        case .http: ExchangeSizes(request: 40, reply: 130, handshake: 0, handshakeReply: 0)
        case .fanout: ExchangeSizes(request: 1032, reply: 1028, handshake: 0, handshakeReply: 0)
        default: ExchangeSizes(request: 106, reply: 102, handshake: 150, handshakeReply: 129)
        }
    }

    /// Makes the row out of the turns that both took.
    func row(ours: [GeneratorReport], limit: [GeneratorReport]) -> BenchRow {
        var row = BenchRow(name: name)
        func median(_ figure: (GeneratorReport) -> Double) -> Double? { Spread(of: ours.map(figure))?.median }
        row.operationsPerSecond = median { $0["seconds"] > 0 ? $0.operations / $0["seconds"] : 0 }
        row.p50Microseconds = median { $0["p50_us"] }
        row.p99Microseconds = median { $0["p99_us"] }
        row.p999Microseconds = median { $0["p999_us"] }
        let costs = ours.compactMap(\.processorMicroseconds)
        let limits = limit.compactMap(\.processorMicroseconds)
        row.processorMicroseconds = Spread(of: costs)?.median
        row.limitProcessorMicroseconds = Spread(of: limits)?.median
        row.ratio = Spread(of: zip(costs, limits).map { $0 / $1 })
        row.goal = goal
        // Ticks are coarse, so the split is taken over all turns together.
        let user = ours.reduce(0) { $0 + $1["sampled_user_ticks"] }
        let system = ours.reduce(0) { $0 + $1["sampled_system_ticks"] }
        if let cost = row.processorMicroseconds, user + system > 0 {
            row.userMicroseconds = cost * user / (user + system)
            row.systemMicroseconds = cost * system / (user + system)
        }
        return row
    }
}
