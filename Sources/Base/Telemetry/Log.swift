public import Synchronization

/// How much a line of the log matters.
public enum LogLevel: UInt8, Sendable, Comparable, CaseIterable {
    /// For whoever debugs one component.
    case debug
    /// What an operator wants to have read afterwards.
    case info
    /// It went wrong and was handled; many of them are trouble.
    case warning
    /// Something an operator must look at.
    case error

    /// The level's name in a line and in configuration.
    public var name: StaticString {
        switch self {
        case .debug: "debug"
        case .info: "info"
        case .warning: "warning"
        case .error: "error"
        }
    }

    /// Orders levels from the least to the most important.
    @inlinable public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// The value of one field of a line.
public enum LogValue: Sendable, Equatable {
    /// A text; from wherever it came, it is shown on one line and without control characters.
    case text(String)
    /// A whole number.
    case integer(Int)
    /// A number.
    case number(Double)
    /// Yes or no.
    case flag(Bool)
    /// A time, shown in the unit that reads best.
    case duration(Duration)
    /// Something secret: that it was there is told, and nothing of it can be, because it is not held.
    case secret

    /// What is shown where something secret was.
    public static let hidden: StaticString = "[hidden]"

    /// Whether texts under this name are hidden whoever wrote them: a name that ends in `token`, `secret`, `password`,
    /// `ticket`, `authorization`, `cookie` or `private_key`. A second net, under the rule that nobody logs secrets.
    public static func isSecret(_ name: StaticString) -> Bool {
        let name = name.description
        return secretEndings.contains { name.hasSuffix($0) }
    }

    private static let secretEndings = [
        "token", "secret", "password", "ticket", "authorization", "cookie", "private_key",
    ]
}

extension LogValue: ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral {
    /// A text.
    public init(stringLiteral text: String) { self = .text(text) }
    /// A whole number.
    public init(integerLiteral number: Int) { self = .integer(number) }
    /// Yes or no.
    public init(booleanLiteral flag: Bool) { self = .flag(flag) }
}

/// One line of the log, before anyone has decided what it looks like.
public struct LogEntry: Sendable {
    /// What is known about it, by name.
    public typealias Fields = KeyValuePairs<StaticString, LogValue>

    /// When it was written.
    public let time: WallTime
    /// How much it matters.
    public let level: LogLevel
    /// The room that wrote it.
    public let room: StaticString
    /// What happened: always the same words for the same thing; what differs is in the fields.
    public let message: StaticString
    /// What is known about it.
    public let fields: Fields
    /// The trace in which it happened.
    public let trace: TraceContext?
    /// How many lines of this message were left out before this one.
    public let suppressed: Int

    /// Puts a line together, as a test or another front end does.
    public init(
        time: WallTime,
        level: LogLevel,
        room: StaticString,
        message: StaticString,
        fields: Fields = [:],
        trace: TraceContext? = nil,
        suppressed: Int = 0
    ) {
        self.time = time
        self.level = level
        self.room = room
        self.message = message
        self.fields = fields
        self.trace = trace
        self.suppressed = suppressed
    }
}

/// Writes lines for operators: structured, filtered by level, and never more than a few of the same per second.
///
/// A line below the level costs one relaxed load and a comparison: its fields are not even built. A line above it costs
/// microseconds and allocates, so nothing logs per message. Messages are fixed texts, which is what makes repeats
/// countable and a log searchable.
public struct Log: Sendable {
    @usableFromInline let core: LogCore
    /// The room whose lines this writes.
    public let room: StaticString

    /// Starts a log.
    ///
    /// The sink is called on the thread that logs, one line at a time per thread, and must not wait.
    public init(
        level: LogLevel = .info,
        limits: Limits.Telemetry = Limits.Telemetry(),
        clock: @escaping @Sendable () -> WallTime,
        sink: @escaping @Sendable (LogEntry) -> Void
    ) {
        core = LogCore(level: level, limits: limits, clock: clock, sink: sink)
        room = "gamekeeper"
    }

    private init(core: LogCore, room: StaticString) {
        self.core = core
        self.room = room
    }

    /// A log that nobody reads, for tests.
    public static var silent: Log { Log(level: .error, clock: { WallTime(nanoseconds: 0) }, sink: { _ in }) }

    /// The same log for another room.
    public func room(_ name: StaticString) -> Log { Log(core: core, room: name) }

    /// The level below which lines are left out. It may be changed at any time, for all rooms at once.
    public var level: LogLevel {
        get { LogLevel(rawValue: core.level.load(ordering: .relaxed)) ?? .debug }
        nonmutating set { core.level.store(newValue.rawValue, ordering: .relaxed) }
    }

    /// Whether lines of this level are written.
    @inlinable @inline(__always) public func writes(_ level: LogLevel) -> Bool {
        level.rawValue >= core.level.load(ordering: .relaxed)
    }

    /// Writes a line.
    @inlinable @inline(__always) public func write(
        _ level: LogLevel,
        _ message: StaticString,
        _ fields: @autoclosure () -> LogEntry.Fields = [:],
        trace: TraceContext? = nil
    ) {
        guard writes(level) else { return }
        core.write(level, room, message, trace, fields)
    }

    /// Writes a line for whoever debugs.
    @inlinable public func debug(_ message: StaticString, _ fields: @autoclosure () -> LogEntry.Fields = [:]) {
        write(.debug, message, fields())
    }

    /// Writes what an operator wants to have read afterwards.
    @inlinable public func info(_ message: StaticString, _ fields: @autoclosure () -> LogEntry.Fields = [:]) {
        write(.info, message, fields())
    }

    /// Writes what went wrong and was handled.
    @inlinable public func warning(_ message: StaticString, _ fields: @autoclosure () -> LogEntry.Fields = [:]) {
        write(.warning, message, fields())
    }

    /// Writes what an operator must look at.
    @inlinable public func error(_ message: StaticString, _ fields: @autoclosure () -> LogEntry.Fields = [:]) {
        write(.error, message, fields())
    }
}

/// What all rooms' logs share.
@usableFromInline final class LogCore: Sendable {
    @usableFromInline let level: Atomic<UInt8>
    private let clock: @Sendable () -> WallTime
    private let sink: @Sendable (LogEntry) -> Void
    private let repeats: Mutex<LogRepeats>

    init(
        level: LogLevel,
        limits: Limits.Telemetry,
        clock: @escaping @Sendable () -> WallTime,
        sink: @escaping @Sendable (LogEntry) -> Void
    ) {
        self.level = Atomic(level.rawValue)
        self.clock = clock
        self.sink = sink
        repeats = Mutex(LogRepeats(perSecondMax: limits.repeatsPerSecondMax, messagesMax: limits.repeatedMessagesMax))
    }

    @usableFromInline func write(
        _ level: LogLevel,
        _ room: StaticString,
        _ message: StaticString,
        _ trace: TraceContext?,
        _ fields: () -> LogEntry.Fields
    ) {
        let time = clock()
        guard case .write(let suppressed) = admit(message, level, second: time.seconds) else { return }
        sink(
            LogEntry(
                time: time,
                level: level,
                room: room,
                message: message,
                fields: fields(),
                trace: trace,
                suppressed: suppressed
            )
        )
    }

    /// Whoever turned debugging on has asked for every line, so those are not counted.
    private func admit(_ message: StaticString, _ level: LogLevel, second: Int64) -> LogRepeats.Verdict {
        guard level != .debug else { return .write(suppressed: 0) }
        let identity =
            message.hasPointerRepresentation
            ? unsafe UInt(bitPattern: message.utf8Start) : UInt(message.unicodeScalar.value)
        return repeats.withLock { $0.admit(identity, second: second) }
    }
}
