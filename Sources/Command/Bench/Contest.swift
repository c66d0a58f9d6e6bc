/// A row that two programs compete for: the real server and the limit.
struct Contest: Equatable, Sendable {
    /// What the generator does.
    enum Mode: String, Sendable {
        case echo, http, fanout, connect
    }

    let name: String
    let mode: Mode
    var tls = false
    var depth = 1
    var connections = 64
    var size = 100

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
        case .idle, .decode, .start: []
        }
    }

    /// What the generator is called with against the real server.
    func generatorArguments(port: Int, server: Int32, seconds: Double) -> [String] {
        var arguments = [mode.rawValue, "--port", "\(port)", "--sample", "\(server)", "--seconds", "\(seconds)"]
        arguments += ["--connections", "\(connections)", "--depth", "\(depth)", "--size", "\(size)"]
        if tls { arguments.append("--tls") }
        return arguments
    }

    /// What it is called with against the limit: the same messages, without TLS and without a handshake.
    func rawGeneratorArguments(port: Int, server: Int32, seconds: Double, sizes: ExchangeSizes) -> [String] {
        var plain = self
        plain.tls = false
        var arguments = plain.generatorArguments(port: port, server: server, seconds: seconds)
        // The limit's answer to HTTP is good HTTP; there the generator needs no other mode.
        if mode != .http { arguments += ["--raw", "\(sizes.request)", "\(sizes.reply)"] }
        if mode == .connect { arguments += ["--raw-first", "\(sizes.handshake)", "\(sizes.handshakeReply)"] }
        return arguments
    }

    /// What the limit is called with.
    func limitArguments(sizes: ExchangeSizes) -> [String] {
        var arguments = ["--mode", mode == .connect ? "echo" : mode.rawValue]
        arguments += ["--in", "\(sizes.request)", "--out", "\(sizes.reply)"]
        if mode == .connect {
            arguments += ["--first-in", "\(sizes.handshake)", "--first-out", "\(sizes.handshakeReply)"]
        }
        return arguments
    }

    /// The sizes when the limit plays both sides and nobody tells.
    var usualSizes: ExchangeSizes {
        switch mode {
        case .http: ExchangeSizes(request: 40, reply: 130, handshake: 0, handshakeReply: 0)
        case .fanout: ExchangeSizes(request: 1032, reply: 1028, handshake: 0, handshakeReply: 0)
        case .echo, .connect: ExchangeSizes(request: 106, reply: 102, handshake: 150, handshakeReply: 129)
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
