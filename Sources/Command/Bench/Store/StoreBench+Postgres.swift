import Base
import Reactor
import Store

/// The rows of PostgreSQL: a server of our own, beside as many connections as it has clients with one statement per update.
extension StoreBench {
    func measurePostgres() throws(BenchFailure) -> [BenchRow] {
        let clients = options.clients.filter { options.wants("store.pg.update.c\($0)", of: .postgres) }
        guard !clients.isEmpty else { return [] }
        guard PostgresLimit.isHere else {
            // It is always told: a report without these rows looks like one in which they were forgotten.
            StandardStreams.writeError("store.pg.update is left out: PostgreSQL's programs or pgbench are not here\n")
            return []
        }
        progress("store.pg: starting a server")
        var rows: [BenchRow] = []
        do {
            let server = try PrivatePostgres()
            let stage = try StoreStage(options, on: .postgres(server))
            defer { stage.close() }
            for clients in clients { rows.append(try measure(clients: clients, on: stage, server)) }
        } catch let failure as BenchFailure {
            throw failure
        } catch {
            throw .store("PostgreSQL: \(error)")
        }
        return rows
    }

    private struct Turn {
        let ours: StoreTurn
        let serverMicroseconds: Double
        let writeAheadBytes: Double
        let limit: PostgresLimit.Row
    }

    private func measure(
        clients: Int,
        on stage: StoreStage,
        _ server: PrivatePostgres
    ) throws(BenchFailure) -> BenchRow {
        let name = "store.pg.update.c\(clients)"
        let turns = try repeated(name) { () throws(BenchFailure) in
            do throws(PrivatePostgres.Failure) { return try turn(clients, on: stage, server) } catch {
                throw .store("PostgreSQL: \(error.text)")
            }
        }
        func median(_ figure: (Turn) -> Double) -> Double? { Spread(of: turns.map(figure))?.median }
        var row = row(name, turns.map(\.ours), [])
        row.processorMicroseconds = median { ($0.ours.processorMicroseconds ?? 0) + $0.serverMicroseconds }
        row.userMicroseconds = nil
        row.limitProcessorMicroseconds = median(\.limit.serverMicroseconds)
        row.limitPerSecond = median(\.limit.updatesPerSecond)
        row.logBytes = median(\.writeAheadBytes)
        row.ratio = Spread(of: turns.filter { $0.ours.rate > 0 }.map { $0.limit.updatesPerSecond / $0.ours.rate })
        row.processorGoal = 40
        row.goal =
            switch clients {
            case 64: 1 / 1.8
            case 512: 1.0 / 3
            default: nil
            }
        return row
    }

    private func turn(
        _ clients: Int,
        on stage: StoreStage,
        _ server: PrivatePostgres
    ) throws(PrivatePostgres.Failure) -> Turn {
        let before = (cost: try server.processorTime(), ahead: try server.writeAheadBytes())
        let ours: StoreTurn
        do throws(BenchFailure) {
            ours = try stage.turn(.init(clients: clients), seconds: options.seconds)
        } catch {
            throw PrivatePostgres.Failure(text: error.text)
        }
        let after = (cost: try server.processorTime(), ahead: try server.writeAheadBytes())
        // The server's cost has the first and the last moments of the turn in it, so it is shared by all that was done.
        let updates = Double(max(1, ours.latencies.count))
        let limit = try PostgresLimit.measure(
            on: server,
            seconds: max(1, Int(options.seconds.rounded())),
            documents: options.documents,
            bytes: options.size
        )
        return Turn(
            ours: ours,
            serverMicroseconds: Double((after.cost - before.cost).nanoseconds) / 1_000 / updates,
            writeAheadBytes: Double(after.ahead - before.ahead) / updates,
            limit: limit
        )
    }
}
