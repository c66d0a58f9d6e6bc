import Base

// The shapes of rows: what differs is said where the table stands.
extension SettingTable {
    static func one(
        _ name: String,
        _ allowed: String,
        _ about: String,
        _ take: @escaping @Sendable (inout Configuration, String) -> Bool,
        show: @escaping @Sendable (Configuration) -> String
    ) -> Setting {
        Setting(name: name, allowed: allowed, about: about, kind: .one) { configuration, texts in
            texts.count == 1 && take(&configuration, texts[0])
        } show: {
            [show($0)]
        }
    }

    static func many(
        _ name: String,
        _ allowed: String,
        _ about: String,
        _ take: @escaping @Sendable (inout Configuration, [String]) -> Bool,
        show: @escaping @Sendable (Configuration) -> [String]
    ) -> Setting {
        Setting(name: name, allowed: allowed, about: about, kind: .many, take: take, show: show)
    }

    static func flag(
        _ name: String,
        _ about: String,
        _ path: any WritableKeyPath<Configuration, Bool> & Sendable
    ) -> Setting {
        Setting(name: name, allowed: "yes or no", about: about, kind: .flag) { configuration, texts in
            guard texts.count == 1, let value = SettingValue.flag(texts[0]) else { return false }
            configuration[keyPath: path] = value
            return true
        } show: {
            [$0[keyPath: path] ? "yes" : "no"]
        }
    }

    static func path(
        _ name: String,
        _ about: String,
        _ path: any WritableKeyPath<Configuration, String?> & Sendable
    ) -> Setting {
        one(name, "the path of a file, or none", about) { configuration, text in
            guard !text.isEmpty else { return false }
            configuration[keyPath: path] = text == "none" ? nil : text
            return true
        } show: {
            $0[keyPath: path] ?? "none"
        }
    }

    static func number(
        _ name: String,
        _ range: ClosedRange<Int>,
        _ about: String,
        _ path: any WritableKeyPath<Configuration, Int> & Sendable
    ) -> Setting {
        one(name, "a whole number from \(range.lowerBound) to \(range.upperBound)", about) { configuration, text in
            guard let value = SettingValue.number(text, in: range) else { return false }
            configuration[keyPath: path] = value
            return true
        } show: {
            "\($0[keyPath: path])"
        }
    }

    static func bound(
        _ name: String,
        _ about: String,
        _ path: any WritableKeyPath<Configuration, Int> & Sendable
    ) -> Setting {
        one(name, "a whole number from 1, with or without KiB, MiB or GiB", about) { configuration, text in
            guard let value = SettingValue.number(text, in: 1...(1 << 40)) else { return false }
            configuration[keyPath: path] = value
            return true
        } show: {
            "\($0[keyPath: path])"
        }
    }

    static func time(
        _ name: String,
        _ range: ClosedRange<Duration>,
        _ about: String,
        _ path: any WritableKeyPath<Configuration, Duration> & Sendable
    ) -> Setting {
        let from = SettingValue.text(of: range.lowerBound)
        let to = SettingValue.text(of: range.upperBound)
        return one(name, "a time from \(from) to \(to), such as 250ms, 30s, 15m or 2h", about) { configuration, text in
            guard let value = SettingValue.time(text, in: range) else { return false }
            configuration[keyPath: path] = value
            return true
        } show: {
            SettingValue.text(of: $0[keyPath: path])
        }
    }
}
