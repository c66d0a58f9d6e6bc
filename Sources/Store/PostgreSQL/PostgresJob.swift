import Base
import Reactor

/// One part of a group on its way through one connection: load, judge, write and commit; and again when another process
/// wanted the same rows. It lives on the connection's loop.
final class PostgresJob {
    enum Outcome: Sendable {
        /// It is durable, or has changed nothing.
        case done([Answer])
        /// It is certain that nothing of it is durable.
        case undone(StoreTrouble)
        /// The connection broke at the commit.
        case unknown(StoreTrouble, PostgresGroup.Proof, [Answer])
    }

    private let commands: [Command]
    private let group: PostgresGroup
    private let retention: RetentionRules
    private let given: WallTime?
    private let lane: PostgresLane
    private let then: (Outcome) -> Void
    private var tries = 0

    private var timeout: Duration { lane.server.limits.postgres.answerTimeout }

    init(
        _ commands: [Command],
        _ retention: RetentionRules,
        at given: WallTime?,
        on lane: PostgresLane,
        _ then: @escaping (Outcome) -> Void
    ) {
        self.commands = commands
        self.retention = retention
        self.given = given
        self.lane = lane
        self.then = then
        group = PostgresGroup(commands, retention, at: given)
    }

    func start() {
        lane.withConnection { [self] dialled in
            switch dialled {
            case .failure(let trouble): then(.undone(trouble))
            case .success(let connection):
                if case .prune(let step)? = commands.first, commands.count == 1 {
                    prune(step, connection)
                } else {
                    load(connection)
                }
            }
        }
    }

    // MARK: Commands

    private func load(_ connection: PostgresConnection) {
        connection.send(group.load, timeout: timeout) { [self] answer in
            switch answer {
            case .failure(let failure): failed(failure, connection)
            case .success(let results): judge(results, connection)
            }
        }
    }

    private func judge(_ results: [PostgresRows], _ connection: PostgresConnection) {
        switch group.judge(results) {
        case .nothing(let answers):
            rollBack(connection)
            then(.done(answers))
        case .overtaken: failed(.refused(SQLState(text: "40001"), words: "overtaken"), connection)
        case .nonsense:
            lane.drop(.damaged)
            then(.undone(.damaged))
        case .write(let calls, let proof, let answers):
            connection.send(calls, timeout: timeout) { [self] answer in
                switch answer {
                case .success: then(.done(answers))
                case .failure(.gone(let trouble)): then(.unknown(trouble, proof, answers))
                case .failure(let failure): failed(failure, connection)
                }
            }
        }
    }

    // MARK: Forgetting

    private func prune(_ step: PruneStep, _ connection: PostgresConnection) {
        let pruning = PostgresPruning(step, retention, lane.server.limits.store, at: given)
        connection.send(pruning.load, timeout: timeout) { [self] answer in
            switch answer {
            case .failure(let failure): failed(failure, connection)
            case .success(let results):
                let plan = pruning.plan(results)
                connection.send(plan.calls, timeout: timeout) { [self] answer in
                    switch answer {
                    // Forgetting again what is forgotten does no harm, so what is not known may be called undone.
                    case .failure(let failure): failed(failure, connection)
                    case .success(let results): then(.done([.pruned(pruning.report(plan, results))]))
                    }
                }
            }
        }
    }

    // MARK: Trouble

    private func failed(_ failure: PostgresFailure, _ connection: PostgresConnection) {
        guard case .refused(let state, _) = failure else { return then(.undone(failure.trouble)) }
        if state.endsConnection {
            lane.drop(failure.trouble)
            return then(.undone(failure.trouble))
        }
        rollBack(connection)
        tries += 1
        guard state.isConflict, tries < lane.server.limits.postgres.conflictTriesMax else {
            return then(.undone(failure.trouble))
        }
        // The first time at once: the other one has committed. Then with more and more patience.
        let pause = tries == 1 ? Duration.zero : .milliseconds(1 << min(tries, 8)) * lane.server.draw()
        let isSet = lane.loop.schedule(at: lane.loop.now + pause) { [self] in start() } != nil
        if !isSet { then(.undone(failure.trouble)) }
    }

    /// Nobody waits for it: what comes next on the connection comes behind it.
    private func rollBack(_ connection: PostgresConnection) {
        connection.send([PostgresCall(.rollback)], timeout: timeout) { _ in }
    }
}
