public import Synchronization

/// The log of calls: every one at debug; else those that took long, some of those that were refused, and a share.
///
/// A call that is not logged costs one comparison: its facts are not even built. What is refused is logged a few times per
/// second and loop and counted beyond that, so a stranger's flood of bad calls costs no lines.
public final class CallLog: Sendable {
    /// What is known about a call. Built for the calls that are logged only.
    public struct Facts: Sendable {
        /// The name of the call, as the contract has it; never a text that came from outside.
        public var method: String
        /// The session, where there is one.
        public var session: String?
        /// The player, where he is known.
        public var player: String?
        /// The trace in which it was made.
        public var trace: TraceContext?

        /// Who called what.
        public init(method: String, session: String? = nil, player: String? = nil, trace: TraceContext? = nil) {
            self.method = method
            self.session = session
            self.player = player
            self.trace = trace
        }
    }

    /// What is logged beside debugging.
    public struct Options: Sendable {
        /// A call that takes longer is logged.
        public var slow: Duration
        /// One in so many answered calls is logged; 0 for none.
        public var oneIn: Int

        /// The default logs calls over 50 ms, a tick of most games, and samples none.
        public init(slow: Duration = .milliseconds(50), oneIn: Int = 0) {
            self.slow = slow
            self.oneIn = oneIn
        }
    }

    /// Words of a loop's lane: the second that is counted, the refusals logged in it, those left out, and answered calls.
    private enum Word {
        static let second = 0
        static let logged = 1
        static let leftOut = 2
        static let answered = 3
    }

    private let log: Log
    private let slowNanoseconds: Int64
    private let oneIn: Int
    private let refusalsPerSecondMax: Int
    /// Below this many nanoseconds an answered call leaves no line; 0 when each must be looked at.
    @usableFromInline let quietBelow: Atomic<Int64>
    private let cells: LoopCells

    /// Logs the calls of so many loops.
    public init(
        _ log: Log,
        loops: Int,
        _ options: Options = Options(),
        limits: Limits.Telemetry = Limits.Telemetry()
    ) {
        self.log = log
        slowNanoseconds = max(1, options.slow.nanoseconds)
        oneIn = max(0, options.oneIn)
        refusalsPerSecondMax = limits.refusalsLoggedPerSecondMax
        quietBelow = Atomic(0)
        cells = LoopCells(loops: loops, words: 4)
        levelChanged()
    }

    /// Takes over the level of the log, after somebody has changed it.
    public func levelChanged() {
        let quiet = log.writes(.debug) || oneIn > 0 ? 0 : slowNanoseconds
        quietBelow.store(quiet, ordering: .relaxed)
    }

    /// Logs a call that has ended, if it is one that is logged.
    ///
    /// - Parameters:
    ///   - refusal: what it was refused with; `nil` when it was answered.
    ///   - nanoseconds: how long that took.
    ///   - now: the loop's time, by which refusals are rationed.
    ///   - loop: the number of the loop whose thread runs this.
    ///   - facts: who called what; built only for a line.
    @inlinable @inline(__always) public func ended(
        _ refusal: ErrorCode?,
        nanoseconds: Int64,
        at now: MonotonicTime,
        loop: Int,
        _ facts: @autoclosure () -> Facts
    ) {
        if refusal == nil, nanoseconds < quietBelow.load(ordering: .relaxed) { return }
        look(refusal, nanoseconds, now, loop, facts)
    }

    @usableFromInline func look(
        _ refusal: ErrorCode?,
        _ nanoseconds: Int64,
        _ now: MonotonicTime,
        _ loop: Int,
        _ facts: () -> Facts
    ) {
        if nanoseconds >= slowNanoseconds {
            return write(.info, "a call took long", refusal, nanoseconds, facts())
        }
        if let refusal {
            guard log.writes(.debug) || admitRefusal(second: Int(now.nanoseconds / 1_000_000_000), loop) else { return }
            let leftOut = cells.take(word: Word.leftOut, loop: loop)
            return write(.info, "a call was refused", refusal, nanoseconds, facts(), leftOut: leftOut)
        }
        if oneIn > 0 {
            cells.add(1, word: Word.answered, loop: loop)
            if cells.value(word: Word.answered, loop: loop) % oneIn == 0 {
                return write(.info, "a call, one of many", nil, nanoseconds, facts())
            }
        }
        if log.writes(.debug) { write(.debug, "a call", nil, nanoseconds, facts()) }
    }

    private func admitRefusal(second: Int, _ loop: Int) -> Bool {
        if cells.value(word: Word.second, loop: loop) != second {
            cells.set(second, word: Word.second, loop: loop)
            cells.set(0, word: Word.logged, loop: loop)
        }
        guard cells.value(word: Word.logged, loop: loop) < refusalsPerSecondMax else {
            cells.add(1, word: Word.leftOut, loop: loop)
            return false
        }
        cells.add(1, word: Word.logged, loop: loop)
        return true
    }

    private func write(
        _ level: LogLevel,
        _ message: StaticString,
        _ refusal: ErrorCode?,
        _ nanoseconds: Int64,
        _ facts: Facts,
        leftOut: Int = 0
    ) {
        log.write(
            level,
            message,
            [
                "method": .text(facts.method), "session": .text(facts.session ?? ""),
                "player": .text(facts.player ?? ""), "result": .text(refusal?.name.description ?? "OK"),
                "took": .duration(.nanoseconds(nanoseconds)), "left_out": .integer(leftOut),
            ],
            trace: facts.trace
        )
    }
}
