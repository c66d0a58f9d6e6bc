import Base
public import Reactor

// What ages while nobody calls.
extension Gate {
    private static let waitersEvery = Duration.milliseconds(250)
    private static let accountsEvery = Duration.seconds(60)

    /// Begins to look after outcomes that are waited for, and after logins and keys. Called once, when the loops run.
    ///
    /// - Parameter pool: what writes new keys.
    public func begin(_ pool: BlockingPool) {
        server.every(Self.waitersEvery) { server in
            server.gate.outcomes.pass(to: server.gate.loops[0].kernel.now())
        }
        server.every(Self.accountsEvery) { server in
            let gate = server.gate
            let now = server.wall
            Task {
                do {
                    try await gate.identity.maintain(at: now, on: pool)
                } catch {
                    gate.log.error("logins and keys could not be looked after", ["reason": .text("\(error)")])
                }
            }
        }
        let now = server.wall
        Task { [identity, log] in
            do {
                try await identity.begin(at: now)
            } catch {
                log.error("the logins that have ended lately are not known", ["reason": .text("\(error)")])
            }
        }
    }
}
