import Reactor

/// What `gamekeeper bench store` was asked to measure.
struct StoreBenchOptions: Equatable, Sendable {
    /// Where documents are kept while it is measured.
    enum Engine: String, CaseIterable, Sendable {
        case sqlite, memory, postgres
    }

    /// One of them; all where there is none.
    var engine: Engine?
    /// Logical clients, one row each.
    var clients = [64, 512]
    /// Bytes of a document.
    var size = 1_024
    /// Documents that the clients write, each under its own lock.
    var documents = 10_000
    /// How many of a hundred operations only read.
    var readPercent = 0
    /// How many of a hundred operations are about the same sixteen documents.
    var hotPercent = 0
    /// How long one side of one pair is measured.
    var seconds = 1.5
    /// How often both sides take turns.
    var pairs = 5
    /// One line of JSON instead of a table.
    var json = false
    /// Where the files lie while it is measured.
    var folder = "."
    /// Rows that are asked for by the beginning of their names; all where there is none.
    var rows: [String] = []

    static let usage = """
        usage: gamekeeper bench store [ROW]… [--engine sqlite|memory|postgres] [--clients N,N…] [--size BYTES]
                                      [--documents N] [--reads PERCENT] [--hot PERCENT] [--seconds S] [--pairs N]
                                      [--folder PATH] [--json]
          ROW           rows whose names begin so, such as store.update.c64 or store.get (all)
          --engine      only the rows of this one; PostgreSQL's need its programs and pgbench here, and nothing else
          --clients     logical clients, each with one command under way (64,512)
          --size        bytes of a document, 16 to 1000000 (1024)
          --documents   how many there are, 1 to 10000000; they are made first (10000)
          --reads       how many of a hundred operations only read (0)
          --hot         how many of a hundred are about the same sixteen documents (0)
          --seconds S   measure each side of each pair for S seconds, 0.1 to 60 (1.5)
          --pairs N     let both sides take turns N times, 1 to 99 (5)
          --folder      where its files lie meanwhile: on the disk that is to be measured (.)

        """

    /// Reads the arguments that follow `bench store`.
    init(_ arguments: [String] = []) throws(BenchOptions.Misunderstood) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            guard try take(argument, &rest) else { throw BenchOptions.Misunderstood(argument: argument) }
        }
    }

    /// Takes one option, and its value off what follows.
    private mutating func take(
        _ argument: String,
        _ rest: inout ArraySlice<String>
    ) throws(BenchOptions.Misunderstood) -> Bool {
        func number(_ range: ClosedRange<Int>) -> Int? {
            rest.popFirst().flatMap { Int($0) }.flatMap { range.contains($0) ? $0 : nil }
        }
        switch argument {
        case "--json": json = true
        case "--engine":
            guard let named = rest.popFirst().flatMap({ Engine(rawValue: $0) }) else { return false }
            engine = named
        case "--clients":
            let named = (rest.popFirst() ?? "").split(separator: ",").map { Int($0) ?? 0 }
            guard !named.isEmpty, named.allSatisfy({ (1...Self.clientsMax).contains($0) }) else { return false }
            clients = named
        case "--size": return set(\.size, number(16...1_000_000))
        case "--documents": return set(\.documents, number(1...10_000_000))
        case "--reads": return set(\.readPercent, number(0...100))
        case "--hot": return set(\.hotPercent, number(0...100))
        case "--pairs": return set(\.pairs, number(1...99))
        case "--seconds":
            let value = rest.popFirst().flatMap(Double.init)
            return set(\.seconds, value.flatMap { (0.1...60).contains($0) ? $0 : nil })
        case "--folder": return set(\.folder, rest.popFirst().flatMap { $0.isEmpty ? nil : $0 })
        default:
            guard argument.hasPrefix("store") else { return false }
            rows.append(argument)
        }
        return true
    }

    /// More logical clients than this only measure the queue in front of the store.
    private static let clientsMax = 16_384

    private mutating func set<Kind>(_ field: WritableKeyPath<Self, Kind>, _ value: Kind?) -> Bool {
        guard let value else { return false }
        self[keyPath: field] = value
        return true
    }

    /// Where a file lies while it is measured.
    func path(_ name: String) -> String { "\(folder)/bench-store-\(ChildProcess.ownIdentifier)-\(name).db" }

    /// Removes a file that was measured, with those that SQLite and we have put beside it.
    static func removeFiles(_ path: String) {
        // One that cannot be removed is seen by whoever looks into the folder.
        for ending in ["", "-wal", "-shm", ".lock"] { try? Files.remove(path + ending) }
    }

    /// Whether a row of an engine is asked for.
    func wants(_ row: String, of engine: Engine) -> Bool {
        // What is kept in memory is asked for: it is no figure of a store that lasts.
        guard self.engine.map({ $0 == engine }) ?? (engine != .memory) else { return false }
        return rows.isEmpty || rows.contains { row.hasPrefix($0) }
    }
}
