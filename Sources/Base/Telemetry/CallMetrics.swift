/// Counts calls by method and code, and how long they took by method.
///
/// Methods and codes are small numbers on the way in: `record` is two additions to numbers of the loop's own, with no text,
/// no dictionary and no lock.
public final class CallMetrics: Sendable {
    /// The value of the label `code` for a call that was answered.
    public static let answered = "OK"
    private let calls: CounterFamily
    private let times: TimingFamily
    private let refusals: CounterFamily
    /// The place of each code's number among the codes; what is not in the catalogue counts as `INTERNAL`.
    private let places: [UInt8]
    private let width: Int

    /// Registers `gamekeeper_calls_total{method,code}`, `gamekeeper_call_duration_seconds{method}` and
    /// `gamekeeper_refusals_total{code}`.
    ///
    /// - Parameters:
    ///   - methods: the names of the calls, by their index; `unknown` is added behind them, for calls that do not exist,
    ///     whose names come from strangers.
    ///   - registry: where they are shown.
    /// - Throws: when the registry is full or a name is none.
    public init(methods: [String], _ registry: Registry) throws(MetricRefusal) {
        let methods = methods + ["unknown"]
        let codes = [Self.answered] + ErrorCode.all.map { "\($0.name)" }
        width = codes.count
        var places = [UInt8](repeating: 0, count: 1_000)
        let internalPlace = ErrorCode.all.firstIndex { $0.number == ErrorCode.internal.number } ?? 0
        for number in 1..<places.count { places[number] = UInt8(internalPlace + 1) }
        for (place, code) in ErrorCode.all.enumerated() where Int(code.number) < places.count {
            places[Int(code.number)] = UInt8(place + 1)
        }
        self.places = places
        calls = try registry.counters(
            "gamekeeper_calls_total",
            help: "Calls by method and by the code that they were answered with.",
            labels: ["method", "code"],
            members: methods.flatMap { method in codes.map { [method, $0] } }
        )
        times = try registry.timings(
            "gamekeeper_call_duration_seconds",
            help: "From a call's arrival to its answer, by method.",
            label: "method",
            members: methods
        )
        refusals = try registry.counters(
            "gamekeeper_refusals_total",
            help: "Calls, and messages that were not even calls, by the code that they were refused with.",
            labels: ["code"],
            members: codes.dropFirst().map { [$0] }
        )
    }

    /// The index under which calls of no known method count.
    public var unknownMethod: Int { times.members.count - 1 }

    /// Records a call on the loop whose thread runs this.
    ///
    /// - Parameters:
    ///   - method: the call's index; past the last one it counts as unknown.
    ///   - code: what it was refused with; `nil` when it was answered.
    ///   - nanoseconds: how long that took.
    ///   - loop: the loop's number.
    public func record(method: Int, code: ErrorCode?, nanoseconds: Int64, loop: Int) {
        record(method: method, number: Int(code?.number ?? 0), nanoseconds: nanoseconds, loop: loop)
    }

    /// Records a call by the number of its code; 0 when it was answered.
    public func record(method: Int, number: Int, nanoseconds: Int64, loop: Int) {
        let method = method >= 0 && method < unknownMethod ? method : unknownMethod
        let place = Int(places[min(max(0, number), places.count &- 1)])
        calls.add(member: method &* width &+ place, loop: loop)
        times.record(nanoseconds: nanoseconds, member: method, loop: loop)
        if place > 0 { refusals.add(member: place &- 1, loop: loop) }
    }

    /// Records a message that was refused before anybody knew which call it might be.
    public func refused(_ code: ErrorCode, loop: Int) {
        let place = Int(places[Int(code.number)])
        if place > 0 { refusals.add(member: place &- 1, loop: loop) }
    }

    /// How often a method was answered with a code; `nil` for an answer that was no refusal.
    public func count(method: Int, code: ErrorCode?) -> Int {
        calls.value(of: method * width + Int(places[Int(code?.number ?? 0)]))
    }

    /// How often anything was refused with a code.
    public func refusals(_ code: ErrorCode) -> Int { refusals.value(of: Int(places[Int(code.number)]) - 1) }

    /// How many of a method's calls took how long: what quantiles are told from. One number for each of
    /// `TimingFamily.bounds` and one for what took longer, and the sum in nanoseconds.
    public func durations(of method: Int) -> (counts: [Int], sum: Int) { times.snapshot(of: method) }
}
