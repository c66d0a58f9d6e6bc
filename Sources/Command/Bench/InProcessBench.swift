/// A benchmark of pure code: it needs no server and no generator, and measures in this process.
struct InProcessBench: Sendable {
    let name: String
    /// Measures for about so many seconds.
    let measure: @Sendable (_ seconds: Double) -> BenchRow

    /// Those that `gamekeeper bench decode` runs.
    static let decoders: [Self] = []
}
