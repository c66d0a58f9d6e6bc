import Base
import Glibc
import Testing

@testable import Store

/// A folder of its own that goes away with the test.
final class Scratch: Sendable {
    let path: String

    init() throws {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/var/tmp"
        var template = Array("\(parent)/gamekeeper-store-\(String(repeating: "X", count: 6))".utf8CString)
        path = String(cString: try #require(mkdtemp(&template)))
    }

    deinit {
        guard let folder = opendir(path) else { return }
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) { raw in
                String(decoding: raw.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { unlink("\(path)/\(name)") }
        }
        closedir(folder)
        rmdir(path)
    }

    var file: String { "\(path)/game.db" }
}

final class SQLiteSubject: Subject {
    var now = noon
    private let scratch: Scratch
    private let retention: RetentionRules
    private let limits: Limits.Store
    private var desk: (engine: SQLiteEngine, reader: SQLiteReader, checkpoints: SQLiteCheckpoints)?

    init(_ retention: RetentionRules, _ limits: Limits.Store) throws {
        scratch = try Scratch()
        self.retention = retention
        self.limits = limits
        try open()
    }

    deinit { close() }

    private func open() throws {
        let file = try SQLiteFile(scratch.file, limits: limits)
        let checkpoints = SQLiteCheckpoints(limits: limits)
        let engine = try SQLiteEngine(file, retention: retention, checkpoints: checkpoints)
        checkpoints.start(file) { _ in }
        desk = (engine, engine.makeReader(), checkpoints)
    }

    private func close() {
        desk?.checkpoints.stop()
        desk?.engine.close()
        desk = nil
    }

    func run(_ commands: [Command]) throws -> [Answer] {
        let desk = try #require(desk)
        defer { desk.engine.rest() }
        return try desk.engine.run(commands, at: now)
    }

    func read(_ queries: [Query]) throws -> [Reading] { try #require(desk).reader.run(queries, at: now) }

    func reopen() throws -> Bool {
        close()
        try open()
        return true
    }
}
