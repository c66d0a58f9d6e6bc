public import Base
import Synchronization
import Wire

/// Whether the process is alive, and whether it should be sent players.
///
/// *Alive* is whoever answers at all. *Ready* is a process that has started, is not stopping, whose loops have answered in
/// time, and whose other checks find nothing. Both are known without waiting, on any thread.
public final class Health: Sendable {
    /// Where the process stands.
    public enum Phase: UInt8, Sendable {
        /// It does not take players yet.
        case starting
        /// It takes players.
        case serving
        /// It is on its way out: whoever balances the load should send players elsewhere.
        case stopping
    }

    /// Why the process is not ready.
    public struct Reason: Sendable, Equatable {
        /// What was looked at.
        public let check: String
        /// What is wrong with it, for an operator.
        public let problem: String

        /// Names a check and its problem.
        public init(check: String, problem: String) {
            self.check = check
            self.problem = problem
        }
    }

    private let watch: LoopWatch
    private let silenceMax: Duration
    private let phaseNumber = Atomic<UInt8>(Phase.starting.rawValue)
    private let checks = Mutex<[(name: String, look: @Sendable () -> String?)]>([])

    /// Judges by what the watch remembers.
    public init(_ watch: LoopWatch, limits: Limits.Operations = Limits.Operations()) {
        self.watch = watch
        silenceMax = limits.loopSilenceMax
    }

    /// Where the process stands. It only moves on: what stops does not serve again.
    public var phase: Phase {
        get { Phase(rawValue: phaseNumber.load(ordering: .relaxed)) ?? .stopping }
        set { phaseNumber.max(newValue.rawValue, ordering: .relaxed) }
    }

    /// Adds a check. It gives what is wrong, or nothing, and must not wait.
    public func add(check name: String, _ look: @escaping @Sendable () -> String?) {
        checks.withLock { $0.append((name, look)) }
    }

    /// Everything that stands in the way; nothing when the process is ready.
    public func reasons() -> [Reason] {
        var found: [Reason] = []
        switch phase {
        case .starting: found.append(Reason(check: "process", problem: "is starting"))
        case .stopping: found.append(Reason(check: "process", problem: "is stopping"))
        case .serving: break
        }
        for index in 0..<watch.loopCount {
            guard let silence = watch.silence(of: index), silence > silenceMax else { continue }
            let seconds = silence.nanoseconds / 1_000_000_000
            found.append(Reason(check: "loop \(index)", problem: "has not answered for \(seconds) s"))
        }
        for (name, look) in checks.withLock({ $0 }) {
            if let problem = look() { found.append(Reason(check: name, problem: problem)) }
        }
        return found
    }

    /// The answer of `/readyz`.
    static func body(_ reasons: [Reason]) -> Value {
        guard !reasons.isEmpty else { return .object(["status": .string("ready")]) }
        let rows = reasons.map { reason -> Value in
            .object(["check": .string(reason.check), "problem": .string(reason.problem)])
        }
        return .object(["status": .string("not_ready"), "reasons": .array(rows)])
    }
}
