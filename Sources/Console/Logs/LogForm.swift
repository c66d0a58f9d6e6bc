public import Base

/// What lines of the log look like.
public enum LogForm: String, Sendable, CaseIterable {
    /// Readable on a terminal, JSON elsewhere.
    case auto
    /// One readable line.
    case text
    /// One JSON object per line.
    case json

    /// A sink for `Log` that writes in this form.
    ///
    /// - Parameters:
    ///   - isTerminal: whether a person reads the log, which decides for `auto`.
    ///   - limits: how long lines may be.
    ///   - write: gets each line with its line feed.
    /// - Returns: the sink.
    public func sink(
        isTerminal: Bool,
        limits: Limits.Telemetry,
        write: @escaping @Sendable (RawSpan) -> Void
    ) -> @Sendable (LogEntry) -> Void {
        switch self {
        case .text: TextLog(limits: limits).sink(write)
        case .json: JSONLog(limits: limits).sink(write)
        case .auto: isTerminal ? TextLog(limits: limits).sink(write) : JSONLog(limits: limits).sink(write)
        }
    }
}
