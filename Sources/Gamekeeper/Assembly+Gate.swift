import Base
import Console
import Contracts
import Gateway
import Reactor
import Store
import Synchronization

// A game's gate, made from what the operator chose.
extension Assembly {
    static func gate(
        of game: any Game.Type,
        _ configuration: Configuration,
        _ telemetry: Telemetry,
        _ store: Store,
        on loops: EventLoopGroup
    ) throws(Failure) -> Gate {
        var limits = configuration.limits
        limits.session.grace = configuration.gracePeriod
        limits.identity.accessLifetime = configuration.accessTokenLifetime
        limits.identity.refreshLifetime = configuration.refreshTokenLifetime
        let now = SystemClock().wallTime()
        let vault: KeyVault
        do throws(KeyRefusal) {
            vault =
                try configuration.data.map { (data) throws(KeyRefusal) in
                    try KeyVault(folder: data, at: now, limits: limits.identity)
                } ?? KeyVault(developmentAt: now, limits: limits.identity)
        } catch {
            throw .keys(error)
        }
        let accounts: any AccountStore =
            configuration.storePlace == .memory
            ? MemoryAccountStore(limits: limits.identity)
            : DocumentAccountStore(store, limits: limits.identity)
        let identity = IdentityService(
            store: accounts,
            vault: vault,
            loops: loops.loops.count,
            limits: limits.identity
        )
        // What is in memory is gone together, effects and outcomes: there is no need to ask a store then.
        let outcomes: any OutcomeStore =
            configuration.storePlace == .memory
            ? MemoryOutcomeStore(limits.outcomes)
            : DurableOutcomeStore(store, on: loops, limits.outcomes, log: telemetry.log.room("gateway"))
        var parts = Gate.Parts(limits: limits, telemetry: telemetry, identity: identity, outcomes: outcomes)
        parts.store = store
        parts.hooks = game.hooks
        parts.calls = CallLog(
            telemetry.log.room("gateway"),
            loops: loops.loops.count,
            CallLog.Options(slow: configuration.slowCall, oneIn: configuration.logCallsOneIn),
            limits: configuration.limits.telemetry
        )
        do throws(MetricRefusal) {
            return try Gate(game.contract, on: loops, parts)
        } catch {
            throw .metrics(error)
        }
    }
}

extension Assembly {
    /// Before anybody comes it is known who was thrown out lately: their access tokens may be about. It blocks the main
    /// thread, which has nothing else to do yet.
    func beginIdentity(of gate: Gate) {
        let isOver = Bell()
        Task {
            do {
                try await gate.identity.begin(at: gate.server.wall)
            } catch {
                gate.server.log.error("ended logins could not be read", ["reason": .text("\(error)")])
            }
            isOver.ring()
        }
        if !isOver.wait(within: stopTimeout) { gate.identity.distrust(at: gate.server.wall) }
    }

    /// Once a minute what has expired is forgotten, the next signing key is made in time, and the system gets back what a
    /// peak has left behind. A round that takes longer leaves out the next one.
    static func maintain(_ gate: Gate, _ store: Store?, _ limits: Limits.Blocking) {
        let pool = BlockingPool(limits: limits)
        let isBusy = Busy()
        gate.server.every(.seconds(60)) { server in
            guard isBusy.begin() else { return }
            Task {
                defer { isBusy.end() }
                do {
                    _ = try await store?.forget()
                } catch {
                    server.log.error("the store could not forget", ["reason": .text("\(error)")])
                }
                do {
                    try await gate.identity.maintain(at: server.wall, on: pool)
                    try await pool.run { _ = ProcessMemory.giveBack() }
                } catch {
                    server.log.error("accounts and keys could not be maintained", ["reason": .text("\(error)")])
                }
            }
        }
    }
}

/// Whether something is under way that must not be begun twice.
final class Busy: Sendable {
    private let isBusy = Atomic<Bool>(false)

    func begin() -> Bool { !isBusy.exchange(true, ordering: .acquiring) }

    func end() { isBusy.store(false, ordering: .releasing) }
}

extension AdminDesk {
    /// The same desk, at which the sessions and bans of a gate can be asked for too.
    func asking(_ gate: Gate) -> AdminDesk {
        var desk = self
        desk.sessions = { limit, after, player in await Self.page(of: gate, limit, after, player) }
        desk.kickSession = { id, reason in
            guard let id = Self.session(id), (try? await gate.server.session(id)) != nil else { return false }
            return gate.server.kick(session: id, reason: reason)
        }
        desk.kickPlayer = { name, reason in
            guard let player = PlayerID(name), let own = try? await gate.server.sessions(of: player) else { return 0 }
            return gate.server.kick(player: player, reason: reason) ? own.count : 0
        }
        desk.bans = {
            gate.bans.all(at: gate.server.wall).map { Ban(range: $0.range, until: $0.until, reason: $0.reason) }
        }
        desk.ban = { range, time, reason in
            let now = gate.server.wall
            let until = time.map { WallTime(nanoseconds: now.nanoseconds &+ $0.nanoseconds) }
            return (try? gate.bans.add(AddressBan(range, reason: reason, until: until), at: now)) != nil
        }
        desk.unban = { gate.bans.remove($0) }
        let others = desk.logLevelChanged
        desk.logLevelChanged = { level in
            gate.callLogLevelChanged()
            others?(level)
        }
        return desk
    }

    private static func session(_ text: String) -> SessionID? {
        let bytes = Array(text.utf8)
        return try? unsafe SessionID(text: bytes.span.bytes)
    }

    private static func page(
        of gate: Gate,
        _ limit: Int,
        _ after: String?,
        _ player: String?
    ) async -> SessionPage {
        let found: [SessionSummary]
        if let player {
            guard let player = PlayerID(player) else { return SessionPage(rows: []) }
            found = (try? await gate.server.sessions(of: player)) ?? []
        } else {
            found = (try? await gate.server.sessions(limit: limit, after: after.flatMap(session))) ?? []
        }
        let now = gate.server.wall
        let rows = found.map { session in
            SessionRow(
                id: session.id.description,
                player: session.player.description,
                state: session.isAttached ? "attached" : "detached",
                address: nil,
                began: WallTime(nanoseconds: now.nanoseconds &- session.age.nanoseconds),
                loop: session.loop
            )
        }
        return SessionPage(rows: rows, next: rows.count == limit && player == nil ? rows.last?.id : nil)
    }
}
