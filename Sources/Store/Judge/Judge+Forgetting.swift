import Base

extension Judge {
    /// What goes when a row of the log has become old.
    enum Forgotten: Equatable {
        case nothing
        /// The version before: it was replaced when this one was written, and that is long enough ago.
        case versionBefore(sequence: Int64)
        /// The row itself: an event that every reader has had time to read.
        case event
        /// The document that was removed here, if this is still its newest version, and the version before in any case.
        case document(previous: Int64)
    }

    /// Judges a row of the log by its age. Rows are looked at in their order; one that is younger than every rule ends the
    /// round.
    static func forgotten(
        by kind: LogRow.Kind,
        name: [UInt8],
        previous: Int64,
        age: Duration,
        _ rules: RetentionRules
    ) -> Forgotten {
        switch kind {
        case .event: return age >= rules.standard ? .event : .nothing
        case .value, .tombstone:
            guard age >= rules.time(for: DocumentKey(packed: name)) else { return .nothing }
            if kind == .tombstone { return .document(previous: previous) }
            return previous > 0 ? .versionBefore(sequence: previous) : .nothing
        }
    }

    /// The time from one moment of the calendar to another; negative when the clock was set back.
    static func age(of moment: WallTime, at now: WallTime) -> Duration {
        let (age, overflow) = now.nanoseconds.subtractingReportingOverflow(moment.nanoseconds)
        return .nanoseconds(overflow ? 0 : age)
    }
}
