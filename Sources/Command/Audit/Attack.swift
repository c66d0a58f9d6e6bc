import Wire

/// One call that a game must judge rightly: most are malicious, some stand just inside of a bound.
struct Attack: Sendable {
    /// What it tries, such as `params.weapon: one character too long`.
    let name: String
    /// The params.
    let params: AttackValue
    /// What must become of it.
    let expectation: Expectation
    /// The formats in which it says what it means.
    var formats: Set<WireFormat> = Set(WireFormat.allCases)

    /// What must become of an attack.
    enum Expectation: Sendable, Equatable {
        /// The params are fine: whatever the rules of the game say, the contract does not refuse them.
        case passes
        /// `INVALID_ARGUMENT`, with this field and one of these problems in the details; no problems named allow all.
        case refused(field: String, problems: Set<String>)
    }

    /// An attack that must be refused.
    static func refused(
        _ what: String,
        _ params: AttackValue,
        at field: String,
        _ problems: Set<String> = [],
        in formats: Set<WireFormat> = Set(WireFormat.allCases)
    ) -> Attack {
        Attack(
            name: "\(field): \(what)",
            params: params,
            expectation: .refused(field: field, problems: problems),
            formats: formats
        )
    }
}
