import Base
package import Reactor

extension Gate {
    /// What the gate holds on one loop: all of it is nothing when everybody has gone.
    package struct Census: Equatable, CustomStringConvertible {
        /// Sessions that live on the loop.
        package var sessions = 0
        /// Entries of the directory: sessions found by name, and players.
        package var entries = 0
        /// Letters and questions that wait for another loop.
        package var waiting = 0
        /// Topics that somebody on the loop hears.
        package var topics = 0

        /// Nothing.
        package init() {}

        /// For whoever is told what is left.
        package var description: String {
            "\(sessions) sessions, \(entries) entries, \(waiting) waiting, \(topics) topics heard"
        }
    }

    /// Counts what a loop holds. To be used on that loop only.
    package func census(of loop: EventLoop) -> Census {
        let hub = sessions.hub(on: loop)
        var census = Census()
        census.sessions = hub.roster.count
        census.entries = hub.shard.count + hub.shard.seats.players
        census.waiting = hub.letters.waiting + hub.questions.waiting
        census.topics = hub.topics.counts.heard
        return census
    }

    /// Budgets of players and addresses that are not as good as new, or still in use.
    package var budgetsKept: Int { players.count + addresses.count }

    /// Bytes that all sessions keep, and how many the gauges take for attached, detached and connected.
    package var gauges: [Int] {
        let sessions = sessions.metrics
        return [
            sessions.attached, sessions.detached, sessions.reliableBytes, sessions.latestBytes, sessions.bulkBytes,
            metrics.connections,
        ].map(\.value)
    }
}
