import Base
import Reactor

/// What a PostgreSQL server can do without us: one connection per client and one statement per update, each committed by
/// itself. PostgreSQL's own load generator drives it (`pgbench`, prepared statements).
///
/// The statement does what an update of ours does: it checks a fencing token, raises the document's version, and keeps the
/// new version, of as many bytes, in a log.
enum PostgresLimit {
    /// What it did.
    struct Row: Equatable, Sendable {
        /// Updates that were committed in a second.
        let updatesPerSecond: Double
        /// Processor time of the server's processes for one of them.
        let serverMicroseconds: Double
        /// Bytes that were written ahead for one of them.
        let writeAheadBytes: Double
    }

    /// Whether it can be measured here.
    static var isHere: Bool {
        guard let programs = PrivatePostgres.programs else { return false }
        return ["pgbench", "psql"].allSatisfy { ChildProcess.isProgram("\(programs)/\($0)") }
    }

    /// Measures it on a server that does nothing else meanwhile, which may be the one that we are measured on. Updates are
    /// spread evenly over that many documents.
    static func measure(
        on server: PrivatePostgres,
        clients: Int = 64,
        seconds: Int,
        documents: Int = 10_000,
        bytes: Int = 1_024
    ) throws(PrivatePostgres.Failure) -> Row {
        let before = (cost: try server.processorTime(), ahead: try server.writeAheadBytes())
        let text = try server.say("limit \(clients) \(max(1, seconds)) \(documents) \(bytes)")
        guard let rate = Double(text), rate > 0 else {
            throw PrivatePostgres.Failure(text: "pgbench said no rate: \(text)")
        }
        let after = (cost: try server.processorTime(), ahead: try server.writeAheadBytes())
        let updates = rate * Double(max(1, seconds))
        return Row(
            updatesPerSecond: rate,
            serverMicroseconds: Double((after.cost - before.cost).nanoseconds) / 1_000 / updates,
            writeAheadBytes: Double(after.ahead - before.ahead) / updates
        )
    }
}
