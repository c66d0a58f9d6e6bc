/// How unkind the world is in one run. Each number is the chance that it happens at one call.
public struct Weather: Sendable {
    /// A read or a write moves only a part, often one byte.
    public var shortTransfer = 0.0
    /// A read or a write moves nothing although it could.
    public var wouldBlock = 0.0
    /// Readiness is reported where there is none.
    public var spuriousReport = 0.0
    /// Readiness is reported later than it began.
    public var lateReport = 0.0
    /// A system call fails, or the network cuts the connection that it is about.
    public var failure = 0.0
    /// The clock jumps when everybody waits, further than anybody has asked for.
    public var clockJump = 0.0

    /// Nothing goes wrong and everything fits.
    public init() {}

    /// Everything is cut short, late and repeated, but nothing is lost: whoever behaves gets all that he is owed.
    public static var breezy: Weather {
        var weather = Weather()
        weather.shortTransfer = 0.5
        weather.wouldBlock = 0.1
        weather.spuriousReport = 0.05
        weather.lateReport = 0.2
        return weather
    }

    /// The same, and calls fail, connections are cut and time jumps.
    public static var stormy: Weather {
        var weather = breezy
        weather.failure = 0.01
        weather.clockJump = 0.2
        return weather
    }
}

/// Which call fails: by number, as sqlite's tests do it, so that every call of a run fails once in some run.
public struct FaultTable: Sendable {
    /// The number of the call that fails; `nil` leaves it to the weather.
    public let failing: Int?
    /// How many calls that can fail there were.
    public private(set) var calls = 0

    /// Fails the given call, counted from 1.
    public init(failing: Int? = nil) { self.failing = failing }

    /// Whether the call that is made now is the one.
    mutating func isNext() -> Bool {
        calls += 1
        return calls == failing
    }

    /// Whether the run came as far as that call.
    public var hasFired: Bool { failing.map { calls >= $0 } ?? false }
}
