/// What `gamekeeper stress` was asked for.
struct StressOptions: Equatable, Sendable {
    /// Where the store is that is stressed.
    enum Engine: String, CaseIterable, Sendable { case sqlite, postgres }

    var engine = Engine.sqlite
    /// How long, without what a round takes before and behind it.
    var seconds = 20
    /// Of all processes together.
    var clients = 24
    /// What everything random comes from, but for the machine's own timing; `nil`: a new one.
    var seed: UInt64?
    /// A store that is there; `nil`: one of our own, which goes away again.
    var place: String?
    /// How the workers lie.
    var sabotage: StressSabotage?

    /// Why a command line was not understood.
    struct Misunderstood: Error, Equatable {
        let argument: String
    }

    static let usage = """
        usage: gamekeeper stress store [--engine sqlite|postgres] [--seconds N] [--clients N] [--seed N] [--store PLACE]
          --engine E    sqlite (the default), or postgres: a server of our own, where PostgreSQL's programs are installed
          --store S     sqlite:PATH or postgres://…, a store that is there instead of one of our own. It gets some documents
                        in the store `stress`; a server that is not ours is not killed
          --seconds N   how long, 1 to 86400 (20)
          --clients N   how many clients over all processes, 1 to 64 (24)
          --seed N      do the same as a run before
          0: every promise was kept; 1: one was not, and the history that shows it is printed

        """

    /// Reads the arguments that follow `stress store`.
    init(_ arguments: [String] = []) throws(Misunderstood) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            let value = rest.popFirst()
            let isUnderstood =
                switch argument {
                case "--engine": Self.take(value.flatMap { Engine(rawValue: $0) }) { engine = $0 }
                case "--seconds": Self.take(value.flatMap { Int($0) }, in: 1...86_400) { seconds = $0 }
                case "--clients": Self.take(value.flatMap { Int($0) }, in: 1...64) { clients = $0 }
                case "--seed": Self.take(value.flatMap { UInt64($0) }) { seed = $0 }
                case "--store": Self.take(value) { place = $0 }
                case "--sabotage": Self.take(value.flatMap { StressSabotage(rawValue: $0) }) { sabotage = $0 }
                default: false
                }
            guard isUnderstood else { throw Misunderstood(argument: argument) }
        }
    }

    private static func take<Value>(_ value: Value?, _ put: (Value) -> Void) -> Bool {
        guard let value else { return false }
        put(value)
        return true
    }

    private static func take(_ value: Int?, in range: ClosedRange<Int>, _ put: (Int) -> Void) -> Bool {
        take(value.flatMap { range.contains($0) ? $0 : nil }, put)
    }
}
