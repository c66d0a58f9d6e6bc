import Base
import Reactor
import Rehearsal
import Testing

/// Notes what it is told, and answers with what it heard.
private final class Listener: ConnectionHandler {
    var heard: [UInt8] = []
    var closings: [CloseReason] = []
    var deadlines = 0
    var wasTold = 0
    var greeting: (Connection) -> Void = { _ in }
    var takes: (Int) -> Int = { $0 }
    var connection: Connection?

    func opened(_ connection: Connection) {
        self.connection = connection
        greeting(connection)
    }
    func received(_ bytes: UnsafeMutableRawBufferPointer, on connection: Connection) -> Int {
        self.connection = connection
        let count = takes(bytes.count)
        heard += bytes[..<count]
        return count
    }
    func deadlinePassed(_ connection: Connection) { deadlines += 1 }
    func stopping(_ connection: Connection) { wasTold += 1 }
    func closed(_ connection: Connection, because reason: CloseReason) { closings.append(reason) }
}

/// Loops on a calm network, turned by hand.
// All of it happens on the test's own thread.
private final class Bench: @unchecked Sendable {
    let network = FakeNetwork(seed: 1)
    let group: EventLoopGroup
    let address: SocketAddress
    var handlers: [Listener] = []
    var prepare: (Listener) -> Void = { _ in }

    init(loops: Int = 1, address: SocketAddress = .ip(.loopback, port: 80), _ change: (inout Limits) -> Void = { _ in })
        throws
    {
        var limits = Limits()
        change(&limits)
        let network = network
        group = try EventLoopGroup(count: loops, limits: limits) { _ in FakeKernel(network) }
        for loop in group.loops { loop.adoptThread() }
        self.address = address
        try group.loops[0].listen(ListenerOptions(address: address)) { [unowned self] _ in
            let handler = Listener()
            prepare(handler)
            handlers.append(handler)
            return handler
        }
    }

    var first: EventLoop { group.loops[0] }

    func turn(_ times: Int = 4) { for _ in 0..<times { for loop in group.loops where !loop.isStopped { loop.turn() } } }

    func caller() throws -> FakeSocket {
        let end = try #require(network.connect(to: address))
        turn()
        return end
    }

    func send(_ text: String, _ end: FakeSocket) { _ = network.send(ArraySlice(text.utf8), from: end) }
    func read(_ end: FakeSocket) -> String { String(decoding: network.receive(1 << 20, at: end), as: UTF8.self) }
    func pass(_ duration: Duration) {
        network.advance(by: duration.nanoseconds)
        turn()
    }
}

@Suite("EventLoop on a fake kernel") struct EventLoopTests {
    // old loop                        new loop
    // received "ab", consumes "a"
    // move                     ─────▶ adopts, "b" is in its bag
    // visit 1, visit 2 (by the old id) wait for the news
    //                          ◀───── news of the arrival
    // forwards 1, 2            ─────▶ 1, 2 in this order; then "bc"
    @Test func `a connection that moves keeps the order of its bytes and of its visits`() throws {
        let bench = try Bench(loops: 2)
        let end = try bench.caller()
        let handler = bench.handlers[0]
        let other = bench.group.loops[1]
        handler.takes = { _ in 1 }
        bench.send("ab", end)
        bench.first.turn()
        let connection = try #require(handler.connection)
        let id = connection.id
        nonisolated(unsafe) var seen: [Int] = []
        connection.move(to: other)
        bench.first.turn()
        for visit in 1...3 { #expect(bench.first.send(to: id) { _ in seen.append(visit) }) }
        bench.first.turn()
        handler.takes = { $0 }
        bench.turn()
        bench.send("c", end)
        bench.turn()
        #expect(String(decoding: handler.heard, as: UTF8.self) == "abc")
        #expect(seen == [1, 2, 3])
        #expect(!connection.isOpen)
        #expect(handler.connection?.loop === other)
        bench.network.close(end)
        bench.turn()
        #expect(handler.closings == [.finished])
        #expect(bench.group.loops.allSatisfy { $0.connectionCount == 0 })
    }

    // loop 0 (first home)             loop 1                          loop 2
    // moves ──────────────────────▶ arrives, moves ───────────────▶ arrives
    // visit 1 goes after it ───────▶ is in the box                   moves home
    // arrives, sends a sweep ──────▶ 1, sweep ─────────────────────▶ 1, sweep
    // visit 2 is held                                                 pass on
    // ◀──────────────────────────────────────────────────────────── 1, then the sweep: 2 may be opened
    @Test func `visits keep their order when a connection comes home before them`() throws {
        let bench = try Bench(loops: 3)
        _ = try bench.caller()
        let handler = bench.handlers[0]
        let loops = bench.group.loops
        let home = try #require(handler.connection)
        let id = home.id
        nonisolated(unsafe) var seen: [Int] = []
        nonisolated(unsafe) var current = home
        func move(to loop: EventLoop) { current.move(to: loop) { if let arrived = $0 { current = arrived } } }
        move(to: loops[1])
        loops[0].turn()
        loops[1].turn()
        loops[0].turn()  // hears where it is
        move(to: loops[2])
        loops[1].turn()
        #expect(loops[0].send(to: id) { _ in seen.append(1) })
        loops[0].turn()  // sends 1 to loop 1, which is not turned
        loops[2].turn()
        move(to: loops[0])
        loops[2].turn()
        loops[0].turn()
        #expect(current.loop === loops[0] && current.id == id)
        #expect(loops[0].send(to: id) { _ in seen.append(2) })
        loops[0].turn()
        #expect(seen == [])
        bench.turn(8)
        #expect(seen == [1, 2])
        #expect(loops[0].send(to: id) { _ in seen.append(3) })
        loops[0].turn()
        #expect(seen == [1, 2, 3])
    }

    @Test func `a connection that can neither move nor stay is closed once, and disarmed once`() throws {
        let bench = try Bench(loops: 2) { $0.mailbox.messagesMax = 1 }
        _ = try bench.caller()
        let handler = bench.handlers[0]
        let other = bench.group.loops[1]
        #expect(other.post { _ in })
        nonisolated(unsafe) var wasTold = false
        handler.connection?.move(to: other) { _ in wasTold = true }
        // The other loop takes no letter, and the kernel does not take the descriptor back.
        bench.network.faults = FaultTable(failing: 1)
        bench.first.turn()
        #expect(bench.network.faults.hasFired && wasTold)
        #expect(handler.closings == [.broken(.outOfMemory)])
        #expect(bench.network.violations.isEmpty)
    }

    @Test func `a connection that moves to and fro needs one slot on each loop, and leaves none behind`() throws {
        let bench = try Bench(loops: 2) { $0.loop.connectionsMax = 1 }
        let end = try bench.caller()
        let handler = bench.handlers[0]
        let first = try #require(handler.connection).id
        nonisolated(unsafe) var seen: [Int] = []
        for move in 1...50 {
            bench.send("x", end)
            bench.turn()
            handler.connection?.move(to: bench.group.loops[move % 2])
            #expect(bench.first.send(to: first) { _ in seen.append(move) })
            bench.turn()
        }
        bench.send("x", end)
        bench.turn()
        #expect(handler.heard.count == 51 && handler.closings.isEmpty)
        #expect(seen == Array(1...50))
        bench.network.close(end)
        bench.turn()
        #expect(handler.closings == [.finished])
        #expect(bench.group.loops.allSatisfy { $0.connectionCount == 0 })
        _ = try bench.caller()
        #expect(bench.handlers.count == 2)
    }

    @Test func `a full mailbox refuses a connection, which stays and goes on reading`() throws {
        let bench = try Bench(loops: 2) { $0.mailbox.messagesMax = 1 }
        let end = try bench.caller()
        let handler = bench.handlers[0]
        let other = bench.group.loops[1]
        bench.send("a", end)
        bench.first.turn()
        #expect(other.post { _ in })
        #expect(!other.post { _ in })
        handler.connection?.move(to: other)
        bench.send("b", end)
        bench.first.turn()
        bench.turn()
        #expect(handler.heard == Array("ab".utf8))
        #expect(handler.connection?.loop === bench.first)
    }

    @Test func `a connection that finds no room on the other loop is closed, and its handler hears so once`() throws {
        let bench = try Bench(loops: 2) { $0.loop.connectionsMax = 1 }
        let end = try bench.caller()
        let handler = bench.handlers[0]
        let other = bench.group.loops[1]
        let taken = Listener()
        try other.connect(ConnectOptions(to: bench.address), handler: taken)
        nonisolated(unsafe) var arrivals: [Bool] = []
        bench.send("a", end)
        bench.first.turn()
        handler.connection?.move(to: other) { arrivals.append($0 != nil) }
        bench.turn()
        #expect(arrivals == [false])
        #expect(handler.closings == [.broken(.outOfDescriptors)])
    }

    @Test func `a handle that is older than its slot's tenant is a closed connection`() throws {
        let bench = try Bench()
        let end = try bench.caller()
        let stale = try #require(bench.handlers[0].connection)
        bench.network.sever(end)
        bench.turn()
        let next = try bench.caller()
        #expect(bench.handlers[1].connection?.id != stale.id)
        stale.write(Array("no".utf8).span.bytes)
        stale.finish()
        stale.abort()
        bench.turn()
        #expect(!stale.isOpen && stale.outputWaiting == 0 && stale.deadline == .never)
        bench.send("x", next)
        bench.turn()
        #expect(bench.handlers[1].heard == [0x78] && bench.read(next).isEmpty)
    }

    @Test func `a deadline that is moved fires once, when the last one has come`() throws {
        let bench = try Bench()
        bench.prepare = { $0.greeting = { $0.deadline = $0.loop.now + .seconds(1) } }
        _ = try bench.caller()
        let handler = bench.handlers[0]
        bench.pass(.milliseconds(900))
        handler.connection?.deadline = bench.first.now + .seconds(1)
        bench.pass(.milliseconds(900))
        #expect(handler.deadlines == 0)
        bench.pass(.milliseconds(200))
        bench.pass(.seconds(50))
        #expect(handler.deadlines == 1)
    }

    @Test func `a stop tells everybody once, waits, and cuts who is left when its time is over`() throws {
        let bench = try Bench()
        _ = try bench.caller()
        bench.first.beginStop(within: .seconds(2))
        bench.turn()
        #expect(bench.handlers[0].wasTold == 1 && bench.handlers[0].closings.isEmpty)
        #expect(bench.network.connect(to: bench.address) == nil)
        bench.pass(.seconds(3))
        #expect(bench.handlers[0].closings == [.stopped])
        #expect(bench.first.isStopped && bench.network.openDescriptors == 0)
    }

    @Test func `a loop that has stopped keeps nothing for its timers, and sets none`() throws {
        final class Kept {}
        let bench = try Bench()
        weak var kept: Kept?
        var timer: LoopTimer?
        do {
            let held = Kept()
            kept = held
            timer = bench.first.schedule(at: bench.first.now + .seconds(60)) { _ = held }
        }
        #expect(kept != nil && bench.first.timerCount == 1)
        bench.first.beginStop(within: .seconds(1))
        bench.turn()
        #expect(bench.first.isStopped && kept == nil)
        #expect(bench.first.schedule(at: bench.first.now) {} == nil)
        // Whoever does not know that yet may cancel it.
        if let timer { bench.first.cancel(timer) }
        #expect(bench.first.timerCount == 0)
    }

    @Test func `a loop is its thread's for as long as it is said to be`() throws {
        let bench = try Bench()
        #expect(bench.first.isCurrent)
        bench.first.leaveThread()
        #expect(!bench.first.isCurrent)
        bench.first.adoptThread()
        #expect(bench.first.isCurrent)
    }

    @Test func `what was posted before the end is still run by a loop that stops`() throws {
        let bench = try Bench()
        nonisolated(unsafe) var ran = false
        // Posted by the stop itself, behind the last look into the box.
        _ = bench.first.post { loop in
            loop.beginStop(within: .seconds(1))
            #expect(loop.post { _ in ran = true })
        }
        bench.turn(1)
        #expect(bench.first.isStopped && ran)
        #expect(!bench.first.post { _ in })
    }

    @Test func `a reader that takes nothing is cut, and one that takes enough is not`() throws {
        let bench = try Bench()
        bench.prepare = { $0.greeting = { $0.write([UInt8](repeating: 1, count: 500_000).span.bytes) } }
        let deaf = try bench.caller()
        let slow = try bench.caller()
        for _ in 0..<40 {
            _ = bench.network.receive(2_000, at: slow)
            bench.pass(.seconds(1))
        }
        #expect(bench.handlers[0].closings == [.outputLimit])
        #expect(bench.handlers[1].closings.isEmpty)
        bench.network.close(deaf)
    }

    @Test func `a handler that leaves too much is spared the rest`() throws {
        let bench = try Bench { $0.connection.inputKeptBytesMax = 1_000 }
        bench.prepare = { $0.takes = { _ in 0 } }
        let end = try bench.caller()
        bench.send(String(repeating: "x", count: 900), end)
        bench.turn()
        #expect(bench.handlers[0].closings.isEmpty)
        bench.send(String(repeating: "x", count: 200), end)
        bench.turn()
        #expect(bench.handlers[0].closings == [.inputLimit])
    }

    @Test func `the last words arrive although the peer goes on sending`() throws {
        let bench = try Bench()
        let end = try bench.caller()
        bench.handlers[0].takes = { [unowned handler = bench.handlers[0]] count in
            handler.connection?.write(Array("bye".utf8).span.bytes)
            handler.connection?.finish()
            return count
        }
        for _ in 0..<10 {
            bench.send("more", end)
            bench.turn(1)
        }
        #expect(bench.read(end) == "bye")
        bench.pass(.seconds(6))
        #expect(bench.handlers[0].closings == [.finished])
    }

    @Test func `what is written and finished before the connection stands leaves when it does`() throws {
        let bench = try Bench()
        let caller = Listener()
        let connection = try bench.first.connect(ConnectOptions(to: bench.address), handler: caller)
        connection.write(Array("hello".utf8).span.bytes)
        connection.finish()
        bench.turn()
        bench.pass(.milliseconds(10))
        bench.turn()
        #expect(bench.handlers.first.map { String(decoding: $0.heard, as: UTF8.self) } == "hello")
        #expect(caller.closings == [.finished])
    }

    @Test func `a local peer that goes while its handler pauses does not make the loop spin`() throws {
        let bench = try Bench(address: .unix(path: "here"))
        bench.prepare = { $0.greeting = { $0.pauseReading() } }
        let end = try bench.caller()
        bench.network.close(end)
        bench.turn(400)
        #expect(bench.network.violations == [])
        #expect(bench.handlers[0].closings == [.broken(.reset)])
    }
}
