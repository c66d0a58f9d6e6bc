import Base
import Console
import Gamekeeper
import Store
import Wire

/// What `gamekeeper store` was asked for.
struct StoreRequest {
    var errand: ClerkErrand
    /// Whether programs read the answer.
    var asJSON = false
    /// Whether the value comes by the standard input.
    var readsInput = false
    /// Which server and store are meant: the settings, as a server is given them.
    var settings: [String] = []

    /// What cannot be understood, in words.
    struct Misunderstood: Error, Equatable {
        let words: String
        init(_ words: String) { self.words = words }
    }

    /// Reads the arguments.
    init(_ arguments: [String], now: WallTime) throws(Misunderstood) {
        let names = ClerkErrand.Deed.allCases.filter { $0 != .place }.map(\.rawValue)
        guard let name = arguments.first, let deed = ClerkErrand.Deed(rawValue: name), names.contains(name) else {
            throw Misunderstood("store does one of \(names.joined(separator: ", ")); `gamekeeper store --help`")
        }
        errand = ClerkErrand(deed)
        var words: [String] = []
        var rest = arguments.dropFirst()
        while let word = rest.popFirst() {
            guard word.hasPrefix("--") else {
                words.append(word)
                continue
            }
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            if try takeFlag(word) { continue }
            guard Self.options.contains(parts[0]) else {
                // Settings have a value behind them, but for those that are yes or no.
                settings.append(word)
                if parts.count == 1, let next = rest.first, !next.hasPrefix("--"), Self.wantsValue(parts[0]) {
                    settings.append(rest.removeFirst())
                }
                continue
            }
            guard let value = parts.count == 2 ? parts[1] : rest.popFirst() else {
                throw Misunderstood("\(word) needs a value")
            }
            try take(parts[0], value, now)
        }
        try take(words)
    }

    private static let options: Set<String> = ["--scope", "--version", "--at", "--expect", "--prefix"]

    /// Which deeds an option belongs to.
    private static let deeds: [String: Set<ClerkErrand.Deed>] = [
        "--scope": [.get, .put, .list, .versions, .restore, .remove], "--version": [.get, .restore], "--at": [.get],
        "--expect": [.put, .restore, .remove], "--prefix": [.list], "--steal": [.put, .restore, .remove],
    ]

    private static func wantsValue(_ flag: String) -> Bool {
        guard let setting = SettingTable.named(String(flag.dropFirst(2))) else { return true }
        if case .flag = setting.kind { return false }
        return true
    }

    private func belongs(_ option: String) throws(Misunderstood) {
        guard Self.deeds[option]?.contains(errand.deed) == true else {
            throw Misunderstood("store \(errand.deed.rawValue) has no \(option)")
        }
    }

    private mutating func takeFlag(_ word: String) throws(Misunderstood) -> Bool {
        switch word {
        case "--json": asJSON = true
        case "--steal":
            try belongs(word)
            errand.steals = true
        default: return false
        }
        return true
    }

    private mutating func take(_ option: String, _ value: String, _ now: WallTime) throws(Misunderstood) {
        try belongs(option)
        switch option {
        case "--scope": errand.place.scope = value
        case "--prefix": errand.prefix = value
        case "--version": errand.version = try Self.version(value)
        case "--expect": errand.expected = value == "absent" ? .absent : .version(try Self.version(value))
        default:
            guard let moment = MomentText.read(value, now: now) else {
                throw Misunderstood("\(value) is no time: 2026-11-21T09:13:58Z, or ago: 15m, 2h, 3d")
            }
            errand.moment = moment
        }
    }

    private static func version(_ text: String) throws(Misunderstood) -> Int64 {
        guard let number = Int64(text), number > 0 else { throw Misunderstood("\(text) is no version") }
        return number
    }

    private mutating func take(_ words: [String]) throws(Misunderstood) {
        var words = words[...]
        let deed = errand.deed
        if deed != .locks, deed != .check {
            guard let name = words.popFirst() else {
                throw Misunderstood(
                    "store \(deed.rawValue) needs \(deed == .list ? "the name of a store" : "STORE/KEY")"
                )
            }
            try take(name: name)
        }
        if deed == .put {
            let text = words.popFirst() ?? "-"
            if text == "-" { readsInput = true } else { errand.value = try Self.value(Array(text.utf8)) }
        }
        if deed == .get, errand.version != nil, errand.moment != nil {
            throw Misunderstood("store get takes --version or --at, not both")
        }
        if deed == .restore, errand.version == nil { throw Misunderstood("store restore needs --version N") }
        if let word = words.first { throw Misunderstood("store \(deed.rawValue) does not know \(word)") }
    }

    private mutating func take(name: String) throws(Misunderstood) {
        if errand.deed == .list {
            errand.place.store = name
            return
        }
        guard let slash = name.firstIndex(of: "/") else {
            throw Misunderstood("\(name) is no document: it is named STORE/KEY")
        }
        errand.place.store = String(name[..<slash])
        errand.place.key = String(name[name.index(after: slash)...])
    }

    /// Reads the JSON of a document.
    static func value(_ bytes: [UInt8]) throws(Misunderstood) -> Value {
        do throws(WireError) {
            return try unsafe Value(bytes.span.bytes, as: .json)
        } catch {
            throw Misunderstood("the value is no JSON: \(error)")
        }
    }
}
