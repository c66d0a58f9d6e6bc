import Base
public import Reactor

/// Reads settings from where operators write them. A flag counts more than the environment, that more than the file, and
/// the file more than the preset; a list is replaced as a whole.
public struct ConfigurationReader {
    /// Reads a file whole.
    public typealias ReadFile = (String) throws(FileRefusal) -> [UInt8]
    private let environment: [(name: String, value: String)]
    private let readFile: ReadFile

    /// Reads from the process's own environment and disk.
    public init() {
        self.init(
            environment: Environment.variables(beginningWith: "GAMEKEEPER_"),
            readFile: { (path) throws(FileRefusal) in
                try Files.read(path, bytesMax: ConfigurationFile.bytesMax).array()
            }
        )
    }

    /// Reads from an environment and files that are given.
    public init(environment: [(name: String, value: String)], readFile: @escaping ReadFile) {
        self.environment = environment
        self.readFile = readFile
    }

    /// Reads all of them.
    ///
    /// - Parameters:
    ///   - arguments: the flags.
    ///   - presets: what holds where nobody has chosen.
    /// - Returns: all choices, with where each comes from.
    /// - Throws: the first thing that an operator must change.
    public func read(
        _ arguments: [String],
        presets: Configuration = Configuration()
    ) throws(SettingRefusal) -> Configuration {
        let flags = try Flags(arguments)
        var configuration = presets
        if let path = flags.file ?? environment.first(where: { $0.name == "GAMEKEEPER_CONFIG" })?.value {
            try take(file: path, into: &configuration)
        }
        for (name, value) in environment where name != "GAMEKEEPER_CONFIG" && !Self.isOrchestrators(name) {
            let source = SettingSource.environment(name)
            guard let setting = SettingTable.named(variable: name) else {
                throw .unknown(name, source: source, meant: Self.nearest(name, SettingTable.all.map(\.variable)))
            }
            try Self.take(setting, Self.split(value, setting.kind), source, into: &configuration)
        }
        for (setting, values, source) in flags.given { try Self.take(setting, values, source, into: &configuration) }
        return configuration
    }

    private func take(file path: String, into configuration: inout Configuration) throws(SettingRefusal) {
        let bytes: [UInt8]
        do throws(FileRefusal) {
            bytes = try readFile(path)
        } catch {
            throw .unreadable(path, reason: error.problem.words)
        }
        guard unsafe UTF8Validator.isValid(bytes.span.bytes) else { throw .unreadable(path, reason: "it is not UTF-8") }
        var lines: [String: Int] = [:]
        for entry in try ConfigurationFile.entries(in: String(decoding: bytes, as: UTF8.self), path: path) {
            let source = SettingSource.file(path, line: entry.line)
            guard let setting = SettingTable.named(entry.name) else {
                throw .unknown(
                    entry.name,
                    source: source,
                    meant: Self.nearest(entry.name, SettingTable.all.map(\.name))
                )
            }
            if let line = lines.updateValue(entry.line, forKey: entry.name) {
                throw .twice(entry.name, source: source, first: .file(path, line: line))
            }
            try Self.take(setting, entry.values, source, into: &configuration)
        }
    }

    static func take(
        _ setting: Setting,
        _ values: [String],
        _ source: SettingSource,
        into configuration: inout Configuration
    ) throws(SettingRefusal) {
        guard setting.take(&configuration, values) else {
            if let flaw = setting.flaw(values) { throw .flawed(setting.name, source: source, flaw: flaw) }
            // The address of a database may hold a password.
            let isSecret = setting.isSecret || values.contains { $0.contains("@") }
            let shown = isSecret ? "what it is" : values.joined(separator: ", ")
            throw .notAllowed(setting.name, value: shown, source: source, allowed: setting.allowed)
        }
        configuration.sources[setting.name] = source
    }

    /// A list in a variable is written with commas.
    private static func split(_ value: String, _ kind: Setting.Kind) -> [String] {
        guard case .many = kind else { return [value] }
        return value.split(separator: ",").map { String($0).trimmed() }.filter { !$0.isEmpty }
    }

    /// Kubernetes and Docker describe a service named `gamekeeper` to its neighbours by variables of these names. They say
    /// nothing to us and must not keep us from starting.
    static func isOrchestrators(_ name: String) -> Bool {
        name.hasPrefix("GAMEKEEPER_SERVICE_") || name.hasPrefix("GAMEKEEPER_PORT")
    }

    /// The name that was probably meant: at most two letters away.
    static func nearest(_ name: String, _ names: [String]) -> String? {
        let near = names.map { (name: $0, distance: distance(Array(name.utf8.prefix(100)), Array($0.utf8))) }
        return near.min { $0.distance < $1.distance }.flatMap { $0.distance <= 2 ? $0.name : nil }
    }

    /// How many letters must be put in, left out or exchanged to make one name of the other.
    private static func distance(_ one: [UInt8], _ other: [UInt8]) -> Int {
        var row = Array(0...other.count)
        for (index, letter) in one.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for (place, against) in other.enumerated() {
                let change = diagonal + (letter == against ? 0 : 1)
                diagonal = row[place + 1]
                row[place + 1] = min(change, row[place] + 1, diagonal + 1)
            }
        }
        return row[other.count]
    }
}

/// The flags of a command line, by setting.
private struct Flags {
    var file: String?
    var given: [(setting: Setting, values: [String], source: SettingSource)] = []

    /// Names from before there was a table.
    private static let formerNames = ["--proxy": "proxies", "--log": "log-level"]

    init(_ arguments: [String]) throws(SettingRefusal) {
        var rest = arguments[...]
        while let word = rest.popFirst() {
            guard word.hasPrefix("--"), word.count > 2 else { throw .strayWord(word) }
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let flag = String(parts[0])
            var value = parts.count == 2 ? String(parts[1]) : nil
            let source = SettingSource.flag(flag)
            func next(_ name: String, _ allowed: String) throws(SettingRefusal) -> String {
                if let given = value.take() ?? rest.popFirst() { return given }
                throw .missingValue(name, source: source, allowed: allowed)
            }
            switch flag {
            case "--config": file = try next("config", "the path of a file")
            case "--tls":
                try add("tls-cert", [try next("tls", "two files: certificate and key")], source)
                try add("tls-key", [try next("tls", "two files: certificate and key")], source)
            default:
                let name = Self.formerNames[flag] ?? String(flag.dropFirst(2))
                guard let setting = SettingTable.named(name) else {
                    let meant = ConfigurationReader.nearest(flag, SettingTable.all.map(\.flag) + ["--config"])
                    throw .unknown(flag, source: source, meant: meant)
                }
                let text = if case .flag = setting.kind { value ?? "yes" } else { try next(name, setting.allowed) }
                try add(name, [text], source)
            }
        }
    }

    /// A list grows by each flag, and commas within; anything else is replaced by a later flag.
    private mutating func add(_ name: String, _ texts: [String], _ source: SettingSource) throws(SettingRefusal) {
        guard let setting = SettingTable.named(name) else { return }
        var values = texts
        switch setting.kind {
        case .secret: throw .secretAsFlag(name, variable: setting.variable)
        case .many:
            values = texts.flatMap { $0.split(separator: ",").map { String($0).trimmed() } }
            if let place = given.firstIndex(where: { $0.setting.name == name }) {
                return given[place].values += values
            }
        case .one, .flag: given.removeAll { $0.setting.name == name }
        }
        given.append((setting, values, source))
    }
}
