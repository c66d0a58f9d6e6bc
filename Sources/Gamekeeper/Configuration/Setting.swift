/// One thing that an operator can choose: its name, what it may be, what it means, and how it is read and shown.
public struct Setting: Sendable {
    /// The name in a file. The flag is `--NAME`; the variable is `GAMEKEEPER_NAME` in capitals, with `_` for `-` and `.`.
    public let name: String
    /// What it may be, in words that fit behind "must be".
    public let allowed: String
    /// What it means, in one sentence.
    public let about: String
    /// What kind of value it has.
    public let kind: Kind
    /// Takes texts over into a configuration. False when they are not allowed.
    let take: @Sendable (inout Configuration, [String]) -> Bool
    /// The value as it would be written in a file.
    let show: @Sendable (Configuration) -> [String]
    /// What is wrong with texts that are not allowed, where that can be told better than by what is allowed. It never
    /// repeats a secret.
    var flaw: @Sendable ([String]) -> String? = { _ in nil }

    /// The kinds of settings.
    public enum Kind: Sendable {
        /// One value.
        case one
        /// Any number of values.
        case many
        /// `yes` or `no`; the flag alone means yes.
        case flag
        /// One value that is never shown, and not taken as a flag, because everybody on a machine can read those.
        case secret
    }

    /// The same setting, which tells what is wrong with a text.
    func telling(_ flaw: @escaping @Sendable ([String]) -> String?) -> Setting {
        var setting = self
        setting.flaw = flaw
        return setting
    }

    /// The name of the flag.
    public var flag: String { "--\(name)" }

    /// The name of the environment variable.
    public var variable: String {
        "GAMEKEEPER_" + Self.words(name).uppercased()
    }

    /// `limits.loop.connectionsMax` becomes `limits_loop_connections_max`.
    private static func words(_ name: String) -> String {
        var out = ""
        for character in name {
            if character == "-" || character == "." {
                out.append("_")
            } else {
                if character.isUppercase { out.append("_") }
                out.append(character)
            }
        }
        return out
    }
}

/// Where a value comes from.
public enum SettingSource: Sendable, Equatable {
    /// Nobody has chosen.
    case preset
    /// A line of a file.
    case file(String, line: Int)
    /// An environment variable.
    case environment(String)
    /// A flag.
    case flag(String)
}

extension SettingSource: CustomStringConvertible {
    /// As it is named to an operator.
    public var description: String {
        switch self {
        case .preset: "default"
        case .file(let path, let line): "\(path):\(line)"
        case .environment(let name): "environment \(name)"
        case .flag(let name): "flag \(name)"
        }
    }
}

/// What is wrong with a choice, named so that an operator finds it.
public enum SettingRefusal: Error, Equatable, Sendable {
    /// A name that no setting has. Where one is spelled much like it, that is named.
    case unknown(String, source: SettingSource, meant: String?)
    /// A name without its value.
    case missingValue(String, source: SettingSource, allowed: String)
    /// A value that the setting can't have. A secret's value is not repeated.
    case notAllowed(String, value: String, source: SettingSource, allowed: String)
    /// A value that the setting can't have, with what is wrong with it.
    case flawed(String, source: SettingSource, flaw: String)
    /// The same setting twice in one file.
    case twice(String, source: SettingSource, first: SettingSource)
    /// A secret as a flag.
    case secretAsFlag(String, variable: String)
    /// A line of a file that is no `name = value`.
    case malformedLine(source: SettingSource)
    /// A file that can't be read.
    case unreadable(String, reason: String)
    /// A word between the flags.
    case strayWord(String)
}

extension SettingRefusal: CustomStringConvertible {
    /// A sentence for whoever wrote it.
    public var description: String {
        switch self {
        case .unknown(let name, let source, let meant):
            "\(source): there is no setting \(name)"
                + (meant.map { "; did you mean \($0)?" } ?? "; `gamekeeper config` lists them")
        case .missingValue(let name, let source, let allowed): "\(source): \(name) needs a value: \(allowed)"
        case .notAllowed(let name, let value, let source, let allowed):
            "\(source): \(name) can't be \(value.isEmpty ? "empty" : "\"\(value)\""); it must be \(allowed)"
        case .flawed(let name, let source, let flaw): "\(source): \(name) can't be used: \(flaw)"
        case .twice(let name, let source, let first): "\(source): \(name) was set before, at \(first)"
        case .secretAsFlag(let name, let variable):
            "\(name) is a secret, and everybody on a machine can read flags; set \(variable) or write it into a file"
        case .malformedLine(let source): "\(source): a line is `name = value`, a comment begins with #"
        case .unreadable(let path, let reason): "\(path) can't be read: \(reason)"
        case .strayWord(let word): "\(word) is no flag; flags begin with --"
        }
    }
}
