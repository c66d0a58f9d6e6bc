import Base
import Reactor

/// Echoes plain bytes in the most roundabout way: pauses, answers late, consumes a part, moves to another loop.
final class FickleEcho: ConnectionHandler {
    private let handlers: StageHandlers
    private var isOpened = false
    private var isClosed = false
    private var toldToStop = false
    private var hasPeerFinished = false

    init(_ handlers: StageHandlers) { self.handlers = handlers }

    private var ledger: Ledger { handlers.ledger }
    private func chance(_ probability: Double) -> Bool { handlers.stage.network.entropy.chance(probability) }

    private func check(_ what: String, _ connection: Connection) {
        ledger.expect(isOpened, "\(what) before opened")
        ledger.expect(!isClosed, "\(what) after closed")
        ledger.expect(connection.loop.isCurrent, "\(what) on another thread")
    }

    func opened(_ connection: Connection) {
        ledger.expect(!isOpened, "opened twice")
        isOpened = true
        ledger.handlerOpened()
        if chance(0.3) { connection.deadline = connection.loop.now + .milliseconds(5) }
    }

    func received(_ bytes: UnsafeMutableRawBufferPointer, on connection: Connection) -> Int {
        check("received", connection)
        ledger.expect(bytes.count > 0, "nothing is received")
        // What is not consumed comes again, with more behind it or when reading is resumed.
        let most = bytes.count
        let isPausing = chance(0.2)
        let isMoving = !isPausing && chance(0.1)
        let count = (isPausing || isMoving) && chance(0.5) ? most / 2 : most
        unsafe connection.write(UnsafeRawBufferPointer(rebasing: bytes[..<count]))
        if isPausing { pause(connection) }
        if isMoving {
            let ledger = handlers
            connection.move(to: handlers.stage.anyLoop()) { arrived in
                if let arrived, arrived.isOpen { ledger.ledger.moves += 1 }
            }
        }
        if chance(0.05) { connection.awaitDrain() }
        return count
    }

    private func pause(_ connection: Connection) {
        connection.pauseReading()
        let id = connection.id
        resume(id, on: connection.loop, after: Int64(handlers.stage.network.entropy.uniform(below: 50)))
    }

    /// Somebody else ends the pause, wherever the connection is by then; a full mailbox makes him try again.
    private func resume(_ id: ConnectionID, on loop: EventLoop, after milliseconds: Int64) {
        loop.schedule(at: loop.now + .milliseconds(milliseconds)) { [unowned loop] in
            if !loop.isStopped, !loop.send(to: id, { $0.resumeReading() }) { self.resume(id, on: loop, after: 1) }
        }
    }

    func peerFinished(_ connection: Connection) {
        check("peerFinished", connection)
        ledger.expect(!hasPeerFinished, "peerFinished twice")
        hasPeerFinished = true
        connection.finish()
    }

    func drained(_ connection: Connection) {
        check("drained", connection)
        ledger.expect(connection.outputWaiting == 0, "drained with \(connection.outputWaiting) bytes waiting")
    }

    func deadlinePassed(_ connection: Connection) {
        check("deadlinePassed", connection)
        ledger.expect(connection.deadline == .never, "a deadline that passed is still set")
    }

    func stopping(_ connection: Connection) {
        check("stopping", connection)
        ledger.expect(!toldToStop, "told to stop twice")
        toldToStop = true
        connection.finish()
    }

    func closed(_ connection: Connection, because reason: CloseReason) {
        ledger.expect(!isClosed, "closed twice")
        ledger.expect(!connection.isOpen, "closed while open")
        if isOpened, !isClosed { ledger.handlerClosed() }
        isClosed = true
    }
}
