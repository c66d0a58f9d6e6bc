/// A moment as people write it, in UTC: what logs and HTTP dates are made of.
public struct CalendarTime: Sendable, Equatable {
    /// The year of the Gregorian calendar.
    public let year: Int
    /// 1 to 12.
    public let month: Int
    /// 1 to 31.
    public let day: Int
    /// 0 to 23.
    public let hour: Int
    /// 0 to 59.
    public let minute: Int
    /// 0 to 59; the clock knows no leap seconds.
    public let second: Int
    /// 0 to 999.
    public let millisecond: Int
    /// 0 for Sunday to 6.
    public let weekday: Int

    /// Reads a moment off the calendar.
    public init(_ time: WallTime) {
        let (days, left) = Self.split(time.nanoseconds, by: 86_400_000_000_000)
        weekday = Int(Self.split(days + 4, by: 7).rest)  // 1970-01-01 was a Thursday
        (year, month, day) = Self.date(daysSince1970: days)
        hour = Int(left / 3_600_000_000_000)
        minute = Int(left / 60_000_000_000 % 60)
        second = Int(left / 1_000_000_000 % 60)
        millisecond = Int(left / 1_000_000 % 1_000)
    }

    /// Appends `2026-11-21T09:13:58.123Z` (RFC 3339).
    public func append(to out: inout ByteBuffer) {
        Self.append(year, digits: 4, to: &out)
        out.append("-")
        Self.append(month, digits: 2, to: &out)
        out.append("-")
        Self.append(day, digits: 2, to: &out)
        out.append("T")
        Self.append(hour, digits: 2, to: &out)
        out.append(":")
        Self.append(minute, digits: 2, to: &out)
        out.append(":")
        Self.append(second, digits: 2, to: &out)
        out.append(".")
        Self.append(millisecond, digits: 3, to: &out)
        out.append("Z")
    }

    /// Appends a number with leading zeros.
    static func append(_ number: Int, digits: Int, to out: inout ByteBuffer) {
        var floor = 10
        for _ in 1..<digits {
            if number < floor { out.append("0") }
            floor *= 10
        }
        out.append(decimal: number)
    }

    /// Division that rounds down, so that moments before 1970 have a day too.
    private static func split(_ number: Int64, by size: Int64) -> (quotient: Int64, rest: Int64) {
        let (quotient, rest) = number.quotientAndRemainder(dividingBy: size)
        return rest < 0 ? (quotient - 1, rest + size) : (quotient, rest)
    }

    /// Counts in eras of 400 years, which all have the same number of days, and in years that begin in March, so that
    /// the leap day is the last of its year.
    private static func date(daysSince1970: Int64) -> (year: Int, month: Int, day: Int) {
        let (era, dayOfEra) = split(daysSince1970 + 719_468, by: 146_097)
        let leapDays = dayOfEra / 1_460 - dayOfEra / 36_524 + dayOfEra / 146_096
        let yearOfEra = (dayOfEra - leapDays) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (Int(year), Int(month), Int(day))
    }
}
