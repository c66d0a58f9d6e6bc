public import Base

/// Writes the time of a message as `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7).
///
/// The text of one second is kept, because a busy loop writes it many thousand times.
public struct HTTPDate: ~Copyable, Sendable {
    private var second = Int64.min
    private var text = ByteBuffer(capacity: 32)

    /// Keeps no text yet.
    public init() {}

    /// Appends the date. Times before 1970 and after 9999 are held at those ends.
    public mutating func append(_ time: WallTime, to output: inout ByteBuffer) {
        let wanted = min(max(time.seconds, 0), 253_402_300_799)
        if wanted != second {
            second = wanted
            text.removeAll()
            Self.format(wanted, to: &text)
        }
        output.append(text.bytes)
    }

    private static let weekdays: StaticString = "ThuFriSatSunMonTueWed"
    private static let months: StaticString = "JanFebMarAprMayJunJulAugSepOctNovDec"

    private static func format(_ second: Int64, to output: inout ByteBuffer) {
        let days = Int(second / 86_400)
        let ofDay = Int(second % 86_400)
        let (year, month, day) = civil(days)
        append(weekdays, days % 7, to: &output)
        output.append(", ")
        append(twoDigits: day, to: &output)
        output.append(.space)
        append(months, month - 1, to: &output)
        output.append(.space)
        append(twoDigits: year / 100, to: &output)
        append(twoDigits: year % 100, to: &output)
        output.append(.space)
        append(twoDigits: ofDay / 3600, to: &output)
        output.append(UInt8(ascii: ":"))
        append(twoDigits: ofDay / 60 % 60, to: &output)
        output.append(UInt8(ascii: ":"))
        append(twoDigits: ofDay % 60, to: &output)
        output.append(" GMT")
    }

    /// Year, month and day of a day counted from 1970. Years are counted from March, so that a leap day is the last
    /// of its year, and in eras of 400 years, which all have 146,097 days.
    static func civil(_ daysSince1970: Int) -> (year: Int, month: Int, day: Int) {
        let days = daysSince1970 + 719_468
        let era = days / 146_097
        let ofEra = days % 146_097
        let yearOfEra = (ofEra - ofEra / 1_460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * ofYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, ofYear - (153 * shifted + 2) / 5 + 1)
    }

    private static func append(_ names: StaticString, _ index: Int, to output: inout ByteBuffer) {
        precondition(index >= 0 && index * 3 + 3 <= names.utf8CodeUnitCount)
        for place in 0..<3 { unsafe output.append(names.utf8Start[index * 3 + place]) }
    }

    private static func append(twoDigits number: Int, to output: inout ByteBuffer) {
        output.append(UInt8(ascii: "0") + UInt8(number / 10))
        output.append(UInt8(ascii: "0") + UInt8(number % 10))
    }
}
