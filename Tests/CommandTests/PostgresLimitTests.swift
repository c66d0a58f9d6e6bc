import Base
import Testing

@testable import Command

@Suite(.enabled(if: PostgresLimit.isHere, "PostgreSQL's programs are not installed here"), .timeLimit(.minutes(5)))
struct PostgresLimitTests {
    @Test func `the limit of PostgreSQL is measured, with what it costs the server`() throws {
        let server = try PrivatePostgres()
        let row = try PostgresLimit.measure(on: server, clients: 4, seconds: 1, documents: 100)
        #expect(row.updatesPerSecond > 10)
        #expect(row.serverMicroseconds > 1)
        // A version is a kilobyte, so less than that was not written.
        #expect(row.writeAheadBytes > 1_024)
        // What it measures may fall and come back.
        try server.kill()
        #expect(try server.writeAheadBytes() > 0)
    }
}
