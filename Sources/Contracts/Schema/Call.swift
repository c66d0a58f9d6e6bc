internal import Base
internal import Wire

/// A call as a game declares it: a name, typed parameters, who may call it and how often, and its handler.
///
/// ```swift
/// Call("player.attack", .player("target_id"), .string("weapon", 1...32), rate: Rate(perSecond: 4, burst: 8)) {
///     caller, target, weapon in
///     Hit(damage: try fight(caller.player, target, with: weapon))
/// }
/// ```
/// The handler sees parameters that have passed their rules, and nothing else. It refuses by throwing a `Refusal`; every
/// other error is told to the caller as `INTERNAL`.
public final class Call<Context: AnyObject>: Sendable {
    /// The call as data.
    public let description: CallDescription
    let conditions: [Condition<Context>]
    let program: CallProgram<Context>

    @usableFromInline init(
        _ description: CallDescription,
        _ settings: CallSettings,
        _ conditions: [Condition<Context>],
        _ program: CallProgram<Context>
    ) {
        precondition(settings.cost > 0 && settings.cost <= 1_000, "\(description.name) costs 1 to 1,000")
        precondition(settings.deadline > .zero, "\(description.name) has a deadline above zero")
        var description = description
        description.summary = settings.summary
        description.rate = settings.rate
        description.cost = settings.cost
        description.permission = settings.permission
        description.conditions = conditions.map { $0.name }
        description.isIdempotent = settings.isIdempotent
        description.deadlineMilliseconds = Int(clamping: settings.deadline.nanoseconds / 1_000_000)
        self.description = description
        self.conditions = conditions
        self.program = program
    }
}

/// What a call says of itself beside its types.
@usableFromInline struct CallSettings {
    let summary: String
    let rate: Rate
    let permission: Permission
    let cost: Int
    let isIdempotent: Bool
    let deadline: Duration

    @usableFromInline init(
        summary: String,
        rate: Rate,
        permission: Permission,
        cost: Int,
        isIdempotent: Bool,
        deadline: Duration
    ) {
        self.summary = summary
        self.rate = rate
        self.permission = permission
        self.cost = cost
        self.isIdempotent = isIdempotent
        self.deadline = deadline
    }
}

extension CallDescription {
    /// As the other one; a call always has an object of parameters.
    @usableFromInline init(_ name: String, parameters: ObjectShape?, result: ObjectShape?) {
        self.init(name, parameters: parameters ?? ObjectShape(name: "", fields: []), result: result)
    }
}

/// What must hold when a call is made, or who may make it, under a name that documents show.
///
/// ```swift
/// extension Condition<Caller> {
///     static let alive = Condition("alive", "Only the living can do this") { world.isAlive($0.player) }
/// }
/// ```
public struct Condition<Context: AnyObject>: Sendable {
    /// The name.
    public let name: String
    /// Why not, or `nil`.
    public let check: @Sendable (Context) -> Refusal?

    /// A condition with refusals of its own.
    public init(_ name: String, check: @escaping @Sendable (Context) -> Refusal?) {
        precondition(!name.isEmpty, "a condition has a name")
        self.name = name
        self.check = check
    }

    /// A condition that refuses with `INVALID_ACTION` and this sentence.
    public init(_ name: String, _ message: String, holds: @escaping @Sendable (Context) -> Bool) {
        let refusal = Refusal(.invalidAction, message, details: ["condition": .string(name)])
        self.init(name) { holds($0) ? nil : refusal }
    }
}

/// Who may call, decided by the game: `permission: .policy("clan_leader")` asks the policy of this name.
public struct Policy<Context: AnyObject>: Sendable {
    /// The name.
    public let name: String
    /// Whether the caller may.
    public let admits: @Sendable (Context) -> Bool

    /// Names a policy.
    public init(_ name: String, admits: @escaping @Sendable (Context) -> Bool) {
        precondition(!name.isEmpty, "a policy has a name")
        self.name = name
        self.admits = admits
    }
}
