import Base
import Crypto

/// A benchmark of pure code: it needs no server and no generator, and measures in this process.
struct InProcessBench: Sendable {
    let name: String
    /// Measures for about so many seconds.
    let measure: @Sendable (_ seconds: Double) -> BenchRow

    /// Those that `gamekeeper bench decode` runs.
    static let decoders = [
        Self(name: "decode.json") { seconds in decode("decode.json", seconds) { $0.json } },
        Self(name: "decode.msgpack") { seconds in decode("decode.msgpack", seconds) { $0.messagePack } },
    ]

    /// Calls through the whole gate: those that `gamekeeper bench call` runs.
    static let calls = CallBench.Case.allCases.map { kind in
        Self(name: kind.rawValue) { seconds in
            var row = BenchRow(name: kind.rawValue)
            guard let bench = try? CallBench(kind), let spread = bench.nanosecondsPerCall(seconds) else { return row }
            row.processorMicroseconds = spread.median / 1_000
            row.operationsPerSecond = 1e9 / spread.median
            return row
        }
    }

    /// One signature of a token: what a login cannot avoid, so that it can be subtracted.
    static let signature = Self(name: "sign.token") { seconds in
        var row = BenchRow(name: "sign.token")
        var entropy = SystemEntropy()
        guard let key = try? SigningKey(entropy: &entropy) else { return row }
        var token = ByteBuffer()
        for _ in 0..<300 { token.append(0x61) }
        let clock = ContinuousClock()
        let end = clock.now + .seconds(min(max(seconds, 0.1), 30))
        var bursts: [Double] = []
        while clock.now < end {
            let start = clock.now
            for _ in 0..<200 { _ = key.sign(token.bytes) }
            bursts.append(Double((clock.now - start).nanoseconds) / 200)
        }
        guard let spread = Spread(of: bursts) else { return row }
        row.processorMicroseconds = spread.median / 1_000
        row.operationsPerSecond = 1e9 / spread.median
        return row
    }

    /// Bursts for about so many seconds; the median burst is quoted, because neighbours only ever make one slower.
    private static func decode(
        _ name: String,
        _ seconds: Double,
        _ figure: (DecodeBench.Result) -> Double
    ) -> BenchRow {
        var row = BenchRow(name: name)
        let bench = DecodeBench()
        let clock = ContinuousClock()
        let end = clock.now + .seconds(min(max(seconds, 0.1), 30))
        var bursts: [Double] = []
        // The call is our own and well-formed, so a burst that fails would be a fault of the decoder: no row, no figure.
        while clock.now < end, let result = try? bench.decodeExampleCall(iterations: 20_000) {
            bursts.append(figure(result))
        }
        guard let spread = Spread(of: bursts) else { return row }
        row.processorMicroseconds = spread.median / 1_000
        row.operationsPerSecond = 1e9 / spread.median
        return row
    }
}
