/// The table of rooms in `Package.swift`, read as text: what each room may import.
struct ImportTable {
    /// Rooms in the order of the table, each with what it sees.
    var rooms: [(name: String, sees: Set<String>)] = []
    /// The shims and system libraries below one room each.
    let shims: Set<String>

    /// Modules of the language that every room may use. None of them touches the machine.
    static let language: Set<String> = ["Swift", "Synchronization", "_Concurrency"]
    /// What only some rooms may import.
    static let platform: [String: Set<String>] = ["Glibc": ["Reactor"]]

    init(package: Page, shims: Set<String>) {
        self.shims = shims
        for line in package.lines {
            let parts = line.split(separator: "\"", omittingEmptySubsequences: false)
            let opens = line.drop { $0 == " " }.hasPrefix("(\"")
            guard opens, parts.count == 5, parts[2] == ", " else { continue }
            rooms.append((String(parts[1]), Set(parts[3].split(separator: " ").map(String.init))))
        }
        // Games that are linked in are listed with their files, which is how they differ from rooms.
        let examples = package.lines.filter { $0.drop { $0 == " " }.hasPrefix("(\"") && $0.contains("\", [") }
            .compactMap { $0.split(separator: "\"").dropFirst().first.map(String.init) }
        rooms += examples.map { ($0, ["GamekeeperKit"]) }
        if let door = Self.door(of: package) { rooms.append(("Door", door.union(examples))) }
    }

    /// The executable at the top stands outside the table.
    private static func door(of package: Page) -> Set<String>? {
        guard let start = package.lines.firstIndex(where: { $0.contains("name: \"Door\"") }),
            let line = package.lines[start...].prefix(4).first(where: { $0.contains("dependencies: [") })
        else { return nil }
        let parts = line.split(separator: "\"", omittingEmptySubsequences: false)
        return Set(stride(from: 1, to: parts.count, by: 2).map { String(parts[$0]) })
    }

    /// Rooms look down, never up or sideways, and a shim belongs to one room.
    func findings() -> [String] {
        var found: [String] = []
        var above: Set<String> = []
        var owners: [String: String] = [:]
        for room in rooms {
            for seen in room.sees.sorted() {
                if shims.contains(seen) {
                    if let owner = owners.updateValue(room.name, forKey: seen) {
                        found.append("\(seen) is seen by \(owner) and \(room.name)")
                    }
                } else if !above.contains(seen) {
                    found.append("\(room.name) sees \(seen), which is not listed above it")
                }
            }
            above.insert(room.name)
        }
        return found
    }

    func findings(in page: Page) -> [Finding] {
        guard let room = page.room, let sees = rooms.first(where: { $0.name == room })?.sees else {
            return [Finding(path: page.path, line: 1, advice: "this room is not in the table of Package.swift")]
        }
        return imports(of: page).compactMap { module, line in
            if page.path.contains("/Protocol/"), module != "Base" {
                return Finding(path: page.path, line: line, advice: "protocol code is pure, so it imports Base only")
            }
            let isAllowed =
                sees.contains(module) || Self.language.contains(module)
                || Self.platform[module]?.contains(String(room)) == true
            if isAllowed { return nil }
            return Finding(path: page.path, line: line, advice: "\(room) may not import \(module)")
        }
    }

    /// The modules that a file imports. `import struct M.Type` names the module M.
    func imports(of page: Page) -> [(module: String, line: Int)] {
        page.lines.enumerated().compactMap { index, line in
            let words = line.split(separator: " ")
            guard let place = words.firstIndex(of: "import"), place + 1 < words.count, line.first != " " else {
                return nil
            }
            let modifiers: Set<Substring> = [
                "public", "package", "internal", "fileprivate", "private", "@testable", "@preconcurrency", "@_exported",
                "@_spi",
            ]
            guard words[..<place].allSatisfy({ modifiers.contains($0) }) else { return nil }
            let kinds: Set<Substring> = ["struct", "class", "enum", "protocol", "func", "var", "let", "typealias"]
            let named =
                kinds.contains(words[place + 1]) && place + 2 < words.count ? words[place + 2] : words[place + 1]
            return (named.split(separator: ".").first.map(String.init) ?? "", index + 1)
        }
    }
}
