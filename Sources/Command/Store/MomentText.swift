import Base

/// Reads a moment as people write it: `2026-11-21T09:13:58Z`, with a fraction, an offset such as `+02:00`, a space instead
/// of the `T`, without seconds; or how long ago it was: `90s`, `15m`, `2h`, `3d`.
enum MomentText {
    static func read(_ text: String, now: WallTime) -> WallTime? { ago(text, now) ?? calendar(Array(text.utf8)) }

    private static func ago(_ text: String, _ now: WallTime) -> WallTime? {
        let units: [(Character, Int64)] = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)]
        guard let unit = units.first(where: { $0.0 == text.last }), text.utf8.count <= 10,
            text.utf8.dropLast().allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let number = Int64(text.dropLast())
        else { return nil }
        let (seconds, tooMany) = number.multipliedReportingOverflow(by: unit.1)
        let (nanoseconds, tooLong) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (moment, overflow) = now.nanoseconds.subtractingReportingOverflow(nanoseconds)
        return tooMany || tooLong || overflow ? nil : WallTime(nanoseconds: moment)
    }

    private static func calendar(_ text: [UInt8]) -> WallTime? {
        var reader = Reader(text: text[...])
        guard let year = reader.number(4), reader.skip("-"), let month = reader.number(2), reader.skip("-"),
            let day = reader.number(2), (1_970...2_261).contains(year), (1...12).contains(month),
            (1...days(in: month, of: year)).contains(day), reader.skip("T") || reader.skip("t") || reader.skip(" "),
            let hour = reader.number(2), reader.skip(":"), let minute = reader.number(2), hour < 24, minute < 60
        else { return nil }
        var seconds: Int64 = 0
        var fraction: Int64 = 0
        if reader.skip(":") {
            guard let number = reader.number(2), number < 60 else { return nil }
            seconds = number
            if reader.skip(".") {
                guard let number = reader.fraction() else { return nil }
                fraction = number
            }
        }
        guard let offset = reader.offset(), reader.text.isEmpty else { return nil }
        let ofDay = hour * 3_600 + minute * 60 + seconds - offset
        let total = daysSince1970(year, month, day) * 86_400 + ofDay
        return WallTime(nanoseconds: total * 1_000_000_000 + fraction)
    }

    private static func isLeap(_ year: Int64) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }

    private static func days(in month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 2: isLeap(year) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    private static func daysSince1970(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        var days = day - 1
        for past in 1_970..<year { days += isLeap(past) ? 366 : 365 }
        for past in 1..<month { days += self.days(in: past, of: year) }
        return days
    }

    /// Takes digits and signs from the front.
    private struct Reader {
        var text: ArraySlice<UInt8>

        mutating func number(_ digits: Int) -> Int64? {
            guard text.count >= digits, text.prefix(digits).allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
            defer { text = text.dropFirst(digits) }
            return text.prefix(digits).reduce(0) { $0 * 10 + Int64($1 - 0x30) }
        }

        mutating func skip(_ sign: Unicode.Scalar) -> Bool {
            guard let first = text.first, UInt32(first) == sign.value else { return false }
            text = text.dropFirst()
            return true
        }

        /// Nanoseconds; further digits are left out.
        mutating func fraction() -> Int64? {
            let digits = text.prefix { $0 >= 0x30 && $0 <= 0x39 }
            guard !digits.isEmpty, digits.count <= 12 else { return nil }
            text = text.dropFirst(digits.count)
            let nine = digits.prefix(9).reduce(0) { $0 * 10 + Int64($1 - 0x30) }
            return (digits.count..<max(9, digits.count)).reduce(nine) { number, _ in number * 10 }
        }

        /// Seconds by which the text is ahead of UTC; none is UTC.
        mutating func offset() -> Int64? {
            if text.isEmpty || skip("Z") || skip("z") { return 0 }
            let isAhead = skip("+")
            guard isAhead || skip("-"), let hours = number(2), skip(":"), let minutes = number(2), hours < 24,
                minutes < 60
            else { return nil }
            return (isAhead ? 1 : -1) * (hours * 3_600 + minutes * 60)
        }
    }
}
