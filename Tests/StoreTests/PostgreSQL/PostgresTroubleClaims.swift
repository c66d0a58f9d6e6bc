import Base
import Reactor
import Synchronization
import Testing
import Wire

@testable import Store

/// What is claimed of the PostgreSQL engine when its server goes away, stands still or keeps its answer.
@Suite(
    "Store on a PostgreSQL in trouble",
    .serialized,
    .enabled(if: PostgresMachine.isHere, "PostgreSQL's programs are not installed here")
)
struct PostgresTroubleClaims {
    /// Does what the writer does: a group is run until it is durable, and never again after that.
    static func complete(_ commands: [Command], on engine: PostgresEngine) throws -> [Answer] {
        let pause = Bell()
        var hasFailed = false
        for _ in 0..<2_000 {
            do {
                if hasFailed, let answers = try engine.recover() { return answers }
                return try engine.run(commands, at: noon)
            } catch is EngineFailure {
            } catch is StoreTrouble {}
            hasFailed = true
            pause.wait(within: .milliseconds(10))
        }
        Issue.record("it never came back")
        return []
    }

    @Test func `a server that crashes in the middle loses nothing acknowledged, and nothing is done twice`() throws {
        let machine = try PostgresMachine()
        let (server, engine) = try PostgresClaims.open(try machine.address())
        defer { server.stop() }
        let isOver = Atomic<Bool>(false)
        let crashes = Thread(named: "crashes") {
            for round in 0..<4 {
                do { try round % 2 == 0 ? machine.crash() : machine.restart() } catch { Issue.record("\(error)") }
            }
            isOver.store(true, ordering: .releasing)
        }
        let keys = try (0..<12).map { try key("k\($0)") }
        var rounds: Int64 = 0
        while !isOver.load(ordering: .acquiring) || rounds < 20 {
            let answers = try Self.complete(keys.map { .write(Write($0, .increment(1))) }, on: engine)
            rounds += 1
            // Each answer is the number of acknowledged groups: none is lost and none is there twice.
            #expect(answers.map { $0.receipt?.writes.first?.number } == keys.map { _ in rounds })
            if rounds > 200_000 { break }
        }
        crashes.join()
        engine.close()
    }

    // engine                              somebody else
    //                                     locks the log
    // load, judge, write …waits
    // has no patience left: nobody knows
    //                                     lets go (or not)
    // asks what has become of it
    @Test(arguments: [true, false])
    func `a commit whose answer is missed is found out, and done once`(isLetGo: Bool) throws {
        let (server, engine) = try PostgresClaims.open(try PostgresClaims.shared()) {
            $0.postgres.answerTimeout = .seconds(2)
        }
        defer { server.stop() }
        let gold = try key("gold")
        #expect(try engine.run([.write(Write(gold, .increment(1)))], at: noon).first?.version == 1)
        let other = server.lane(isReader: false)
        try server.ask(other, { ["BEGIN", "LOCK TABLE log IN EXCLUSIVE MODE"].map { PostgresCall(plain: $0) } }) { _ in
        }
        let failure = #expect(throws: EngineFailure.self) {
            try engine.run([.write(Write(gold, .increment(1)))], at: noon)
        }
        #expect(failure == EngineFailure(trouble: .server(.timedOut), isUndone: false))
        if isLetGo { try server.ask(other, { [PostgresCall(plain: "COMMIT")] }) { _ in } }
        var answers: [Answer]?
        var isSettled = false
        for _ in 0..<2_000 where !isSettled {
            do throws(StoreTrouble) {
                answers = try engine.recover()
                isSettled = true
            } catch {
                Bell().wait(within: .milliseconds(5))
            }
        }
        try #require(isSettled)
        if !isLetGo { try server.ask(other, { [PostgresCall(plain: "COMMIT")] }) { _ in } }
        let last = try answers ?? engine.run([.write(Write(gold, .increment(1)))], at: noon)
        #expect(last.first?.receipt?.writes.first?.number == 2)
        #expect(try engine.run([.write(Write(gold, .increment(0)))], at: noon).first?.version == 3)
        engine.close()
    }

    // engine's thread                     its loop                      server
    //                                                                   stands still
    // waits for a group                   answers whoever asks it
    // is told that it takes too long
    //                                                                   goes on
    // group runs again
    @Test func `a server that stands still stops nobody's loop`() throws {
        let machine = try PostgresMachine()
        let (server, engine) = try PostgresClaims.open(try machine.address()) {
            $0.postgres.answerTimeout = .milliseconds(400)
            $0.postgres.connectTimeout = .milliseconds(400)
        }
        defer { server.stop() }
        let gold = try key("gold")
        _ = try Self.complete([.write(Write(gold, .increment(1)))], on: engine)
        try machine.freeze()
        let isOver = Atomic<Bool>(false)
        let failures = Mutex<[EngineFailure]>([])
        // Nobody else uses the engine until the thread has ended.
        nonisolated(unsafe) let driven = engine
        let waiting = Thread(named: "waiting") {
            do throws(EngineFailure) {
                _ = try driven.run([.write(Write(gold, .increment(1)))], at: noon)
            } catch {
                failures.withLock { $0.append(error) }
            }
            do throws(StoreTrouble) { _ = try driven.recover() } catch {}
            isOver.store(true, ordering: .releasing)
        }
        // The loop is asked over and over while the other thread waits for what will not come.
        let lane = server.lane(isReader: false)
        var answered = 0
        while !isOver.load(ordering: .acquiring) {
            let bell = Bell()
            lane.loop.deliver { _ in bell.ring() }
            try #require(bell.wait(within: .seconds(5)), "the loop stands still")
            answered += 1
        }
        waiting.join()
        #expect(answered > 10)
        #expect(failures.withLock { $0 } == [EngineFailure(trouble: .server(.timedOut), isUndone: true)])
        try machine.thaw()
        let answers = try Self.complete([.write(Write(gold, .increment(1)))], on: engine)
        #expect(answers.first?.receipt?.writes.first?.number == 2)
        engine.close()
    }

    @Test func `a process that stands still in the middle of a group does not keep its rows from others`() throws {
        let (server, engine) = try PostgresClaims.open(try PostgresClaims.shared()) {
            $0.postgres.idleInGroupTimeout = .milliseconds(200)
        }
        defer { server.stop() }
        let gold = try key("gold")
        _ = try engine.run([.write(Write(gold, .increment(1)))], at: noon)
        // It has loaded and locked, and then says nothing more.
        let still = server.lane(isReader: false)
        let load = { @Sendable in
            PostgresGroup([.write(Write(gold, .increment(1)))], RetentionRules(), at: nil).load
        }
        try server.ask(still, load) { _ in }
        let answers = try Self.complete([.write(Write(gold, .increment(1)))], on: engine)
        #expect(answers.first?.receipt?.writes.first?.number == 2)
        engine.close()
    }

    @Test func `who is away is dialled again ever more rarely, up to a bound`() {
        var limits = Limits.Store()
        limits.backoffMin = .milliseconds(10)
        limits.backoffMax = .milliseconds(100)
        var pace = ReconnectPace(limits)
        var now = MonotonicTime(nanoseconds: 0)
        #expect(pace.trouble(at: now) == nil)
        for bound in [10, 20, 40, 80, 100, 100] {
            pace.failed(.server(.lost), at: now, draw: 1)
            #expect(pace.trouble(at: now + .milliseconds(bound - 1)) == .server(.lost))
            #expect(pace.trouble(at: now + .milliseconds(bound)) == nil)
            now = now + .milliseconds(bound)
        }
        pace.failed(.server(.lost), at: now, draw: 0)
        #expect(pace.trouble(at: now) == nil, "full jitter may mean at once")
        pace.succeeded()
        pace.failed(.server(.lost), at: now, draw: 1)
        #expect(pace.trouble(at: now + .milliseconds(10)) == nil)
    }
}
