import Base
import Testing
import Wire

@testable import Store

/// What is claimed of the book of locks, moment by moment.
@Suite("Lock book") struct LockBookTests {
    // MARK: Opening

    @Test func `a free lock is opened with what is under it, and let go with what was made of it`() throws {
        let table = BookTable(2)
        let ann = try key("ann")
        let id = try table.open(ann)
        #expect(table[0].isOpen(id))
        #expect(try table.read(id) == nil)
        let ticket = try table.set(ann, id, 5)
        #expect(try table.read(id) == 5)
        #expect(table[0].saved[ticket] == .success(.made(versions: [1])))
        try table.release(id)
        #expect(throws: HoldError.ended) { try table.read(id) }
        #expect(throws: HoldError.ended) { try table.set(ann, id, 6) }
        let next = try table.open(ann, 1)
        #expect(try table.read(next, 1) == 5)
        #expect(table[0].book.count == 0)
    }

    @Test func `a contested lock changes hands within 5 s although its owner only lets go when he must`() throws {
        for offset in stride(from: 0, to: 3_000, by: 100) {
            let table = BookTable(2)
            let ann = try key("ann")
            let first = try table.open(ann)
            try table.set(ann, first, 1)
            table.pass(.milliseconds(offset))
            let asked = table.now
            let second = try table.open(ann, 1)
            table.pass(.seconds(20)) { !table[1].isOpen(second) }
            #expect(table[1].isOpen(second))
            #expect(table.now - asked <= .seconds(5))
            #expect(table[0].wishes == 1)
            #expect(try table.read(second, 1) == 1)
            guard case .handedOver(let wish)? = table[0].ends.first else {
                Issue.record("the owner was not told")
                return
            }
            #expect(wish.name == "owner 2")
        }
    }

    @Test func `the lock of a process that died is taken over within 15 s`() throws {
        for offset in stride(from: 0, to: 3_000, by: 250) {
            let table = BookTable(2)
            let ann = try key("ann")
            let first = try table.open(ann)
            try table.set(ann, first, 1)
            table.pass(.milliseconds(offset))
            table[0].isFrozen = true
            let died = table.now
            let second = try table.open(ann, 1)
            table.pass(.seconds(20)) { !table[1].isOpen(second) }
            #expect(table[1].isOpen(second))
            #expect(table.now - died <= .seconds(15))
            #expect(table[1].book.tally.takenOver == 1)
        }
    }

    @Test func `whoever waits too long is told who has the lock`() throws {
        let table = BookTable(2)
        let ann = try key("ann")
        let first = try table.open(ann, handover: nil)
        let second = try table.open(ann, 1, patience: .seconds(6))
        table.pass(.seconds(30))
        guard case .heldBy(let holder)? = table[1].refusal(second) else {
            Issue.record("he waits for ever")
            return
        }
        #expect((holder.owner, holder.name) == (owner(1), "owner 1"))
        #expect(table[1].book.count == 0)
        #expect(table[1].book.nextMoment == nil, "nothing is due any more")
        #expect(try table.read(first) == nil, "whoever minds letting go keeps it")
        #expect(table[0].wishes == 1, "he is asked once")
    }

    @Test func `two on one loop have their turn one after the other`() throws {
        let table = BookTable(1)
        let ann = try key("ann")
        let first = try table.open(ann, handover: nil)
        let second = try table.open(ann, handover: nil)
        let third = try table.open(ann, patience: .milliseconds(500))
        #expect(table[0].wishes == 1, "at once, not with the next renewal")
        table.pass(.seconds(1))
        guard case .heldBy? = table[0].refusal(third) else {
            Issue.record("the third waits for ever")
            return
        }
        #expect(!table[0].isOpen(second))
        try table.release(first)
        #expect(table[0].isOpen(second))
    }

    @Test func `a load that fails leads to no lock and no save`() throws {
        let table = BookTable(2)
        let ann = try key("ann")
        table[0].readFault = .away(.inputOutput(5), retryAfter: .milliseconds(10))
        let id = try table.open(ann, patience: .seconds(2))
        table.pass(.seconds(3))
        #expect(table[0].refusal(id) == .failed(.away(.inputOutput(5), retryAfter: .milliseconds(10))))
        #expect(throws: HoldError.ended) { try table.set(ann, id, 5) }
        #expect(table[0].writes.isEmpty)
        #expect(table[0].book.count == 0)
        #expect(try table[1].isOpen(table.open(ann, 1)), "the lock is free again")
    }

    @Test func `a load that fails for a while succeeds`() throws {
        let table = BookTable(1)
        table[0].readFault = .busy(retryAfter: .milliseconds(10))
        let id = try table.open(try key("ann"))
        table.pass(.seconds(12))
        #expect(!table[0].isOpen(id))
        table[0].readFault = nil
        table.pass(.seconds(2))
        #expect(table[0].isOpen(id))
        #expect(try table.read(id) == nil, "it was renewed meanwhile")
    }

    @Test func `an opening is refused at once while the store is away`() throws {
        let table = BookTable(1)
        table[0].fault = .away(.diskFull, retryAfter: .seconds(2))
        let id = try table.open(try key("ann"))
        #expect(table[0].refusal(id)?.retryAfter == .seconds(2))
        #expect(table[0].refusal(id)?.code == .unavailable)
    }

    @Test func `a wish that is taken back is told nothing and keeps nothing`() throws {
        let table = BookTable(2)
        let ann = try key("ann")
        _ = try table.open(ann, handover: nil)
        let second = try table.open(ann, 1)
        table[1].book.cancel(second, at: table.now)
        table.pass(.seconds(30))
        #expect(table[1].told.allSatisfy { if case .tell = $0 { true } else { false } })
        #expect(table[1].book.count == 0)
    }

    // MARK: What memory answers

    @Test func `memory answers up to a second before the end of the lease, and again when the lease is renewed`() throws
    {
        let table = BookTable(1)
        let ann = try key("ann")
        let id = try table.open(ann)
        table[0].fault = .away(.diskFull, retryAfter: .milliseconds(1))
        table.pass(.milliseconds(8_999))
        #expect(try table.read(id) == nil)
        table.pass(.milliseconds(1))
        #expect(throws: HoldError.doubtful) { try table.read(id) }
        // Play goes on meanwhile.
        try table.set(ann, id, 7)
        #expect(try table[0].book.memory(id)?.body.value == 7)
        table.pass(.seconds(60))
        table[0].fault = nil
        table.pass(.seconds(1))
        #expect(try table.read(id) == 7)
        #expect(table.value(ann) == 7)
    }

    @Test func `a process that was stopped past its lease answers nothing from memory`() throws {
        let table = BookTable(2)
        let ann = try key("ann")
        let first = try table.open(ann)
        table[0].isFrozen = true
        let second = try table.open(ann, 1)
        table.pass(.seconds(12))
        try table.set(ann, second, 9, 1)
        // It goes on where it stood: before any timer has fired, it is asked.
        table[0].isFrozen = false
        #expect(throws: HoldError.doubtful) { try table.read(first) }
        let ticket = try table.set(ann, first, 8)
        #expect(
            table[0].saved[ticket]?.failure
                == .lost(
                    to: LockHolder(
                        owner: owner(2),
                        name: "owner 2",
                        since: noon,
                        until: noon + .milliseconds(19_000),
                        remaining: .milliseconds(7_000)
                    )
                ) || table[0].saved[ticket]?.isLost == true
        )
        #expect(table[0].ends.count == 1)
        #expect(table.value(ann) == 9)
    }

    @Test func `a store whose clock was set forward lets a lock go early, and its former owner writes nothing more`()
        throws
    {
        let table = BookTable(2)
        let ann = try key("ann")
        let first = try table.open(ann)
        table.jumped = .seconds(3_600)
        let second = try table.open(ann, 1)
        #expect(table[1].isOpen(second), "by the store's clock the lease is over")
        try table.set(ann, second, 2, 1)
        // Nobody has told him yet: what he reads is a lease old at most, and what he writes is refused.
        #expect(try table.read(first) == nil)
        let ticket = try table.set(ann, first, 1)
        #expect(table[0].saved[ticket]?.isLost == true)
        #expect(throws: HoldError.ended) { try table.read(first) }
        #expect(table.value(ann) == 2)
    }

    @Test func `a lock that nobody took is kept however late its owner comes back`() throws {
        let table = BookTable(1)
        let ann = try key("ann")
        let id = try table.open(ann)
        try table.set(ann, id, 1)
        table[0].isFrozen = true
        table.pass(.seconds(600))
        table[0].isFrozen = false
        table.pass(.milliseconds(10))
        #expect(try table.read(id) == 1)
        #expect(table[0].ends.isEmpty)
    }

    // MARK: Keeping

    @Test func `ten thousand locks are renewed in a few batches`() throws {
        let table = BookTable(1)
        for number in 0..<10_000 {
            _ = try table.open(try key("k\(number)"))
            if number % 100 == 0 { table.pass(.milliseconds(29)) }
        }
        table[0].renewals = [:]
        table.pass(.seconds(6))
        let batches = table[0].renewals
        #expect(batches.values.reduce(0, +) >= 20_000)
        #expect(batches.count <= 64)
        #expect(table[0].book.tally.held == 10_000)
    }

    @Test func `a renewal that fails is tried again before memory falls silent`() throws {
        let table = BookTable(1)
        let id = try table.open(try key("ann"))
        table.pass(.milliseconds(2_500))
        table[0].fault = .busy(retryAfter: .seconds(1))
        table.pass(.seconds(4))
        table[0].fault = nil
        table.pass(.seconds(2))
        #expect(try table.read(id) == nil)
        table.pass(.seconds(60))
        #expect(try table.read(id) == nil)
    }

    @Test func `a loop holds so many locks and keeps so much unsaved, and no more`() throws {
        let table = BookTable(1) {
            $0.locksPerLoopMax = 2
            $0.unsavedBytesPerLoopMax = 1_000
        }
        let ann = try key("ann")
        let id = try table.open(ann)
        _ = try table.open(try key("ben"))
        #expect(throws: HoldError.failed(.busy(retryAfter: .seconds(1)))) { try table.open(try key("cid")) }
        table[0].fault = .away(.diskFull, retryAfter: .zero)
        try table.set(ann, id, .string(String(repeating: "x", count: 500)))
        #expect(throws: HoldError.failed(.busy(retryAfter: .seconds(1)))) {
            try table.set(ann, id, .string(String(repeating: "y", count: 700)))
        }
        #expect(try table.read(id) == .string(String(repeating: "x", count: 500)), "what is refused is not in memory")
        table[0].fault = nil
        table.pass(.seconds(5))
        #expect(table[0].book.unsavedBytes == 0)
        #expect(table[0].book.unsavedChanges == 0)
    }

    @Test func `the end lets go of everything, saves first`() throws {
        let table = BookTable(2)
        let (ann, ben) = (try key("ann"), try key("ben"))
        let first = try table.open(ann)
        _ = try table.open(ben)
        let behind = try table.open(ben)
        table[0].fault = .away(.diskFull, retryAfter: .zero)
        try table.set(ann, first, 3)
        table[0].book.close(at: table.now)
        table.settle()
        #expect(table[0].refusal(behind) == .failed(.closed))
        #expect(table[0].ends == [.closing, .closing])
        #expect(throws: HoldError.failed(.closed)) { try table.open(ann) }
        table[0].fault = nil
        table.pass(.seconds(10))
        #expect(table[0].told.contains { if case .closed = $0 { true } else { false } })
        #expect(table[0].book.nextMoment == nil)
        #expect(table.value(ann) == 3)
        #expect(try table[1].isOpen(table.open(ann, 1)), "there is nothing to take over")
        #expect(table[1].book.tally.takenOver == 0)
    }
}

extension Result {
    var failure: Failure? { if case .failure(let error) = self { error } else { nil } }
}

extension Result where Failure == HoldError {
    var isLost: Bool { if case .failure(.lost) = self { true } else { false } }
}
