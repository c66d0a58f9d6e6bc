public import Base
import Synchronization

/// What a store has done, for whoever watches the process: numbers, a line in the log when trouble begins and when it is
/// over, and spans in the traces of those who asked.
///
/// Commands are counted by the writer when their group is answered, so a command costs its loop nothing.
public final class StoreMetrics: Sendable {
    private let operations: CounterFamily
    private let queries: CounterFamily
    private let operationTime, queryTime, commitTime, groupCommands: Histogram
    private let failures: Counter
    private let prunedVersions, prunedDocuments, prunedOutcomes: Counter
    private let log: Log
    private let tracer: Tracer
    private let trouble = Mutex(TroubleWatch())
    private let readTrouble = Mutex(TroubleWatch())

    /// Registers the metrics of the store of a process.
    ///
    /// - Throws: when the registry is full.
    public init(_ telemetry: Telemetry) throws(MetricRefusal) {
        let metrics = telemetry.metrics
        log = telemetry.log.room("store")
        tracer = telemetry.tracer
        let ends = OperationResult.allCases
        operations = try metrics.counters(
            "store_operations_total",
            help: "Commands to the store, by what they asked and how they ended.",
            labels: ["operation", "result"],
            members: OperationKind.allCases.flatMap { kind in ends.map { [kind.name, $0.name] } }
        )
        queries = try metrics.counters(
            "store_queries_total",
            help: "Reads, by what they asked and how they ended.",
            labels: ["query", "result"],
            members: QueryKind.allCases.flatMap { kind in ["done", "failed"].map { [kind.name, $0] } }
        )
        operationTime = try metrics.histogram(
            "store_operation_duration_nanoseconds",
            help: "From a command's arrival in the queue to its answer."
        )
        queryTime = try metrics.histogram(
            "store_query_duration_nanoseconds",
            help: "From a read's arrival in the queue to its answer."
        )
        commitTime = try metrics.histogram(
            "store_commit_duration_nanoseconds",
            help: "How long deciding, writing and committing one group took."
        )
        groupCommands = try metrics.histogram("store_group_commands", help: "Commands that shared one commit.")
        failures = try metrics.counter("store_failures_total", help: "Tries to write or to recover that failed.")
        let pruned: MetricName = "store_pruned_total"
        let prunedHelp = "What was forgotten because nobody needs it any more."
        prunedVersions = try metrics.counter(pruned, help: prunedHelp, labels: [MetricLabel("kind", "versions")])
        prunedDocuments = try metrics.counter(pruned, help: prunedHelp, labels: [MetricLabel("kind", "documents")])
        prunedOutcomes = try metrics.counter(pruned, help: prunedHelp, labels: [MetricLabel("kind", "outcomes")])
    }

    // MARK: The writer

    private static let resultCount = OperationResult.allCases.count

    private static func member(_ kind: OperationKind, _ result: OperationResult) -> Int {
        kind.rawValue * resultCount + result.rawValue
    }

    func count(_ kind: OperationKind, _ result: OperationResult) {
        operations.add(member: Self.member(kind, result))
    }

    /// A group was answered, its tickets in the order of the answers.
    func answered<Ticket>(_ tickets: [StoreCounted<Ticket, OperationKind>?], _ answers: [Answer], at now: MonotonicTime)
    {
        // Commands of a group mostly ask the same and end alike.
        var run = (member: 0, count: 0)
        for (ticket, answer) in zip(tickets, answers) {
            guard let ticket else { continue }
            let member = Self.member(ticket.kind, OperationResult(answer))
            if member != run.member {
                operations.add(run.count, member: run.member)
                run = (member, 0)
            }
            run.count += 1
            operationTime.record(Int(truncatingIfNeeded: (now - ticket.arrived).nanoseconds))
            if case .pruned(let report) = answer {
                prunedVersions.add(report.versions)
                prunedDocuments.add(report.documents)
                prunedOutcomes.add(report.outcomes)
            }
        }
        operations.add(run.count, member: run.member)
    }

    /// A group is durable.
    func committed(_ commands: Int, after time: Duration, at now: MonotonicTime) {
        groupCommands.record(commands)
        commitTime.record(Int(truncatingIfNeeded: time.nanoseconds))
        works(at: now)
    }

    /// A try has failed.
    func failed(_ why: StoreTrouble, at now: MonotonicTime) {
        failures.add()
        guard case .begun(let trouble)? = trouble.withLock({ $0.failed(why, at: now) }) else { return }
        log.error(
            trouble.isDamage
                ? "the store is damaged, nothing is written any more" : "the store has failed and is tried again",
            ["reason": .text(trouble.words)]
        )
    }

    /// The store works.
    func works(at now: MonotonicTime) {
        guard case .over(let time, let failures)? = trouble.withLock({ $0.succeeded(at: now) }) else { return }
        log.warning("the store works again", ["after": .duration(time), "failures": .integer(failures)])
    }

    // MARK: Readers

    /// Reads have ended: well, or with a trouble.
    func read<Ticket>(
        _ tickets: [StoreCounted<Ticket, QueryKind>],
        _ why: StoreTrouble?,
        at now: MonotonicTime
    ) {
        for ticket in tickets {
            queries.add(member: ticket.kind.rawValue * 2 + (why == nil ? 0 : 1))
            queryTime.record(Int(truncatingIfNeeded: (now - ticket.arrived).nanoseconds))
        }
        let notice = readTrouble.withLock { watch in
            if let why { watch.failed(why, at: now) } else { watch.succeeded(at: now) }
        }
        switch notice {
        case .begun(let trouble)?: log.error("the store cannot be read", ["reason": .text(trouble.words)])
        case .over(let time, let failures)?:
            log.warning("the store can be read again", ["after": .duration(time), "failures": .integer(failures)])
        case nil: break
        }
    }

    /// A read was not even taken in.
    func refused(_ kind: QueryKind) { queries.add(member: kind.rawValue * 2 + 1) }

    // MARK: Traces

    /// Begins a part of a traced call; nil where that is not recorded.
    func begin(_ name: @autoclosure () -> String, under trace: TraceContext?, at now: MonotonicTime) -> StoreSpan? {
        guard let trace, trace.isSampled, tracer.mayRecord else { return nil }
        var entropy = SystemEntropy()
        var span = tracer.begin(name(), under: trace, at: now, entropy: &entropy)
        span.kind = .client
        return StoreSpan(span, tracer)
    }
}

/// Whoever waits for an answer, with what is counted when he has it.
struct StoreCounted<Ticket: Sendable, Kind: Sendable>: Sendable {
    let ticket: Ticket
    let kind: Kind
    let arrived: MonotonicTime
}

/// The span of one question to the store. Whoever has the answer ends it, once.
final class StoreSpan {
    private var span: Span?
    private let tracer: Tracer

    init(_ span: consuming Span, _ tracer: Tracer) {
        self.span = consume span
        self.tracer = tracer
    }

    func end(at now: MonotonicTime, _ error: ErrorCode?) {
        guard let span = span.take() else { return }
        tracer.end(span, at: now, error: error)
    }
}

// MARK: What is looked up

extension StoreMetrics {
    /// Registers what is looked up in a store when somebody asks.
    ///
    /// - Throws: when the registry is full.
    public static func observe(_ store: Store, in registry: Registry) throws(MetricRefusal) {
        func observe(
            _ name: MetricName,
            _ help: String,
            grows: Bool = false,
            _ look: @escaping @Sendable (StoreReport) -> Double?
        ) throws(MetricRefusal) {
            let value = ObservedValue(onlyGrows: grows) { [weak store] in store.flatMap { look($0.report) } }
            try registry.observe(name, help: help, value)
        }
        try observe("store_commands_waiting", "Commands that wait or are on their way to the disk.") {
            Double($0.writer.waiting)
        }
        try observe("store_waiting_bytes", "Bytes of the commands that wait.") { Double($0.writer.bytes) }
        try observe("store_queries_waiting", "Reads that wait for a thread.") { Double($0.readsWaiting) }
        try observe("store_breaker", "0: the store works. 1: it is away and tried now. 2: it is away.") {
            Double($0.writer.breaker)
        }
        try observe("store_unreadable", "1 while reads fail.") { $0.readTrouble == nil ? 0 : 1 }
        try observe("store_checkpoints_total", "Times that the log was copied whole.", grows: true) {
            Double($0.log.checkpoints)
        }
        try observe("store_checkpoint_trouble", "1 while copying the log does not come to its end.") {
            $0.log.trouble == nil ? 0 : 1
        }
        try observe("store_connections_made_total", "Connections to the database server that were made.", grows: true) {
            $0.connections.map { Double($0.made) }
        }
        try observe("store_connections_failed_total", "Connections to it that could not be made.", grows: true) {
            $0.connections.map { Double($0.failed) }
        }
    }
}
