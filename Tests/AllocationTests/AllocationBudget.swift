import CAllocations
import Testing

/// How many heap allocations one operation may cost in steady state: the promise of the design's hot paths, in one table.
/// A path that gets cheaper lowers its row; one that must become dearer says why beside it.
enum AllocationBudget: String {
    case decodeJSON = "decoding the example call as JSON"
    case decodeMessagePack = "decoding the example call as MessagePack"
    case echo = "a WebSocket message that is echoed"
    case echoPipelined = "a WebSocket message among 16 that are echoed at once"
    case get = "a GET on a kept connection, answered at once"
    case timer = "a timer set and cancelled"
    case wheel = "a slot of the wheel taken and given back"
    case post = "a letter posted to a loop and read by it"
    case call = "the example call, from the envelope's bytes to its answer's"
    case callOfWrongType = "a call that is refused for the type of a parameter"
    case callTooOften = "a call that is refused for its rate"
    case callNotAllowed = "a call that is refused for its role"
    case count = "a counter and a gauge that are changed"
    case heldRead = "a held document that is read from memory"

    #if DEBUG
        /// What the unoptimised build costs with this compiler. It only keeps it from growing: the promise is the other
        /// table, which `./test only allocations` checks.
        var allocationsMax: Double {
            switch self {
            case .decodeJSON, .timer, .wheel, .count, .heldRead: 0
            case .call, .callTooOften, .callNotAllowed: 20
            case .callOfWrongType: 24
            case .post: 1
            case .decodeMessagePack: 4
            case .echo: 3
            case .echoPipelined: 3.0 / 16
            case .get: 11
            }
        }
    #else
        var allocationsMax: Double {
            switch self {
            case .decodeJSON, .decodeMessagePack, .echo, .echoPipelined, .get, .timer, .wheel, .post, .count,
                .heldRead:
                0
            case .call, .callTooOften, .callNotAllowed: 0
            // All of them are Swift Testing's, which notes the place of every error that is thrown; the server has none.
            case .callOfWrongType: 7
            }
        }
    #endif

    /// Room for what is done once a second, as the date of responses is, and falls into the run by chance.
    private static let perSecond = 0.01

    /// Whether allocations can be counted in this process.
    static var isCounted: Bool { gamekeeper_counts_allocations() == 1 }

    /// Repeats an operation, at first without looking, and holds what it costs against the table.
    ///
    /// - Parameters:
    ///   - operations: how many of them one call of `body` does.
    ///   - body: what is repeated. What it needs must have been made before.
    func expect(operations: Int = 1, _ body: () throws -> Void) rethrows {
        let rounds = 20_000 / operations
        for _ in 0..<rounds / 10 { try body() }
        let before = gamekeeper_allocations()
        for _ in 0..<rounds { try body() }
        let cost = Double(gamekeeper_allocations() - before) / Double(rounds * operations)
        guard cost > allocationsMax + Self.perSecond else { return }

        gamekeeper_watch_allocation()
        try body()
        let told = String(cString: gamekeeper_watched_allocation())
        Issue.record(
            """
            \(rawValue) costs \(cost) allocations, not \(allocationsMax). The first is made here \
            (`llvm-symbolizer --obj=FILE ADDRESS` names a line):
            \(told)
            """
        )
    }
}
