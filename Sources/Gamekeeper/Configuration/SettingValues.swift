import Base
import Reactor
import Store

/// How the texts of settings are read, and values shown.
enum SettingValue {
    static func flag(_ text: String) -> Bool? {
        switch text.lowercased() {
        case "yes", "true", "on", "1": true
        case "no", "false", "off", "0": false
        default: nil
        }
    }

    /// A whole number, with or without `KiB`, `MiB` or `GiB` behind it.
    static func number(_ text: String, in range: ClosedRange<Int>) -> Int? {
        let units: [(String, Int)] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)]
        let unit = units.first { text.hasSuffix($0.0) }
        let digits = unit.map { String(text.dropLast($0.0.count)).trimmed() } ?? text
        guard digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let number = Int(digits) else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: unit?.1 ?? 1)
        return !overflow && range.contains(product) ? product : nil
    }

    private static let timeUnits: [(name: String, nanoseconds: Int64)] = [
        ("ms", 1_000_000), ("us", 1_000), ("s", 1_000_000_000), ("m", 60_000_000_000), ("h", 3_600_000_000_000),
        ("d", 86_400_000_000_000),
    ]

    /// A time such as `250ms`, `1.5s`, `15m`, `30d`.
    static func time(_ text: String, in range: ClosedRange<Duration>) -> Duration? {
        guard let unit = timeUnits.first(where: { text.hasSuffix($0.name) }) else { return nil }
        let digits = text.dropLast(unit.name.count)
        guard let first = digits.utf8.first, first >= 0x30, first <= 0x39,
            digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 || $0 == 0x2E }), let number = Double(digits)
        else { return nil }
        let nanoseconds = number * Double(unit.nanoseconds)
        guard nanoseconds < 0x1p62 else { return nil }
        let time = Duration.nanoseconds(Int64(nanoseconds.rounded()))
        return range.contains(time) ? time : nil
    }

    /// The largest unit in which a time is a whole number.
    static func text(of time: Duration) -> String {
        let nanoseconds = time.nanoseconds
        guard nanoseconds != 0 else { return "0s" }
        let units = timeUnits.sorted { $0.nanoseconds > $1.nanoseconds }
        guard let unit = units.first(where: { nanoseconds % $0.nanoseconds == 0 }) else {
            return "\(Double(nanoseconds) / 1e9)s"
        }
        return "\(nanoseconds / unit.nanoseconds)\(unit.name)"
    }

    /// How long versions of one store are kept: `bags=90d`.
    static func retention(_ text: String) -> (store: String, time: Duration)? {
        guard let sign = text.lastIndex(of: "="),
            let time = time(String(text[text.index(after: sign)...]), in: .zero ... .seconds(36_500 * 86_400))
        else { return nil }
        let store = String(text[..<sign])
        guard (try? KeyRange(store)) != nil else { return nil }
        return (store, time)
    }

    /// A share such as `0.01` or `1%`.
    static func share(_ text: String) -> Double? {
        let isPercent = text.hasSuffix("%")
        let digits = isPercent ? text.dropLast() : text[...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 || $0 == 0x2E }),
            let number = Double(digits)
        else { return nil }
        let share = isPercent ? number / 100 : number
        return (0...1).contains(share) ? share : nil
    }

    /// Whether a text is an origin as browsers write it: `https://game.example`, without a path.
    static func isOrigin(_ text: String) -> Bool {
        guard text != "*" else { return true }
        let scheme = ["https://", "http://"].first { text.hasPrefix($0) }
        guard let scheme else { return false }
        let host = text.dropFirst(scheme.count)
        return !host.isEmpty && host.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x2F && $0 != 0x2C }
    }
}

extension String {
    /// Without space and tab at both ends.
    func trimmed() -> String {
        var text = self[...]
        while let first = text.first, first == " " || first == "\t" || first == "\r" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" || last == "\r" { text.removeLast() }
        return String(text)
    }
}
