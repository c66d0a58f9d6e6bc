import Base
import Testing
import Wire

@testable import Store

/// What is claimed of changes under locks: in memory at once, on the disk in order, and taken back when they are refused.
@Suite("Lock book: saving") struct LockSavingTests {
    private let doubt = StoreFault.unknownOutcome(.inputOutput(5))

    private func part(_ key: DocumentKey, _ id: LockBook.TenureID, _ value: Value?) throws -> LockBook.Part {
        LockBook.Part(tenure: id, key: key, after: try value.map { HeldBody(try body($0)) })
    }

    private func outcome(_ name: String) throws -> OutcomeRow {
        try OutcomeRow(try OutcomeName(player: "p", key: name), digest: 1, bytes: [7], expires: noon + .seconds(9_999))
    }

    @Test func `what is changed while a save is on its way is saved together`() throws {
        let table = BookTable(1)
        let ann = try key("ann")
        let id = try table.open(ann)
        table[0].isFrozen = true
        let tickets = try (1...50).map { try table.set(ann, id, .int(Int64($0))) }
        #expect(try table.read(id) == 50)
        table[0].isFrozen = false
        table.settle()
        #expect(table[0].writes.count == 2)
        #expect(tickets.allSatisfy { (try? table[0].saved[$0]?.get()) != nil })
        #expect(table.value(ann) == 50)
    }

    @Test func `a store that is away delays a save and takes nothing back`() throws {
        let table = BookTable(1)
        let ann = try key("ann")
        let id = try table.open(ann)
        table[0].fault = .away(.diskFull, retryAfter: .seconds(1))
        let ticket = try table.set(ann, id, 1)
        let later = try table.set(ann, id, 2)
        table.pass(.seconds(120))
        #expect(table[0].saved.isEmpty)
        table[0].fault = nil
        table.pass(.seconds(10))
        #expect(table[0].saved[ticket] == table[0].saved[later])
        #expect(table.value(ann) == 2)
    }

    @Test(arguments: 0..<8)
    func `a save whose outcome is unknown is made once`(number: Int) throws {
        let isMade = number & 1 == 0
        let before: Int64? = number & 2 == 0 ? nil : 1
        let after: Int64? = number & 4 == 0 ? nil : 5
        let table = BookTable(1)
        let ann = try key("ann")
        let id = try table.open(ann)
        if let before { try table.set(ann, id, .int(before)) }
        let version = table[0].book.tenures[id.place].savedVersion
        if isMade { table[0].falseFault = doubt } else { table[0].fault = doubt }
        let ticket = try table.set(ann, id, after.map { .int($0) })
        let later = try table.set(ann, id, 9)
        table[0].fault = nil
        table[0].falseFault = nil
        table.pass(.seconds(5))
        #expect(try table[0].saved[ticket]?.get() != nil)
        #expect(try table[0].saved[later]?.get() != nil)
        #expect(table.value(ann) == 9)
        // Removing what is not there makes no version; all else makes one.
        let made: Int64 = before == nil && after == nil ? 1 : 2
        #expect(table[0].book.tenures[id.place].savedVersion == version + made)
        #expect(try table.read(id) == 9)
    }

    @Test func `a trade whose outcome is unknown is made once`() throws {
        for isMade in [true, false] {
            let table = BookTable(1)
            let (ann, ben) = (try key("ann"), try key("ben"))
            let (first, second) = (try table.open(ann), try table.open(ben))
            if isMade { table[0].falseFault = doubt } else { table[0].fault = doubt }
            let parts = [try part(ann, first, 1), try part(ben, second, 2)]
            let ticket = try table.change(parts)
            table[0].fault = nil
            table[0].falseFault = nil
            table.pass(.seconds(5))
            #expect(try table[0].saved[ticket]?.get() == .made(versions: [1, 1]))
            #expect(try (table.read(first), table.read(second)) == (1, 2))
        }
    }

    @Test func `a trade with a key whose outcome is unknown is made once and told as known`() throws {
        let table = BookTable(1)
        let (ann, ben) = (try key("ann"), try key("ben"))
        let (first, second) = (try table.open(ann), try table.open(ben))
        table[0].falseFault = doubt
        let parts = [try part(ann, first, 1), try part(ben, second, 2)]
        let ticket = try table.change(parts, outcome: try outcome("call"))
        table[0].falseFault = nil
        table.pass(.seconds(5))
        #expect(try table[0].saved[ticket]?.get() == .known(outcome: [7]))
        #expect(try (table.read(first), table.read(second)) == (1, 2), "it was this one that made it so")
        #expect(table.value(ann) == 1)
        try table.set(ann, first, 3)
        #expect(table.value(ann) == 3)
    }

    @Test func `a call that was made before changes nothing, and memory is what it was`() throws {
        let table = BookTable(1)
        let (ann, ben) = (try key("ann"), try key("ben"))
        let (first, second) = (try table.open(ann), try table.open(ben))
        _ = try table.change([try part(ann, first, 1)], outcome: try outcome("call"))
        table[0].isFrozen = true
        let again = try table.change([try part(ann, first, 2), try part(ben, second, 2)], outcome: try outcome("call"))
        let built = try table.set(ben, second, 3)
        let other = try table.set(ann, first, 4)
        table[0].isFrozen = false
        table.settle()
        #expect(try table[0].saved[again]?.get() == .known(outcome: [7]))
        #expect(table[0].saved[built]?.failure == .undone)
        #expect(table[0].saved[other]?.failure == .undone)
        #expect(try (table.read(first), table.read(second)) == (1, nil))
        #expect((table.value(ann), table.value(ben)) == (1, nil))
    }

    @Test func `a trade with a lock that was lost is not made, and what was built on it is taken back`() throws {
        let table = BookTable(2)
        let (ann, ben, cid) = (try key("ann"), try key("ben"), try key("cid"))
        let (first, second, third) = (try table.open(ann), try table.open(ben), try table.open(cid))
        try table.set(ann, first, 10)
        let steal = LockCommand(ben, owner: owner(2), .steal(lease: .seconds(60)))
        _ = table.run(.lock(steal))
        table[0].isFrozen = true
        let trade = try table.change([try part(ann, first, 9), try part(ben, second, 1)])
        let onTrade = try table.change([try part(ann, first, 8), try part(cid, third, 1)])
        let onThat = try table.set(cid, third, 2)
        table[0].isFrozen = false
        table.settle()
        #expect(table[0].saved[trade]?.isLost == true)
        #expect(table[0].saved[onTrade]?.failure == .undone)
        #expect(table[0].saved[onThat]?.failure == .undone)
        #expect(try (table.read(first), table.read(third)) == (10, nil), "what is still ours is what is stored")
        #expect(table[0].ends.count == 1)
        #expect(throws: HoldError.ended) { try table.read(second) }
        let after = try table.set(ann, first, 11)
        #expect(try table[0].saved[after]?.get() != nil)
        #expect((table.value(ann), table.value(ben), table.value(cid)) == (11, nil, nil))
    }

    @Test func `a save of a lost lock whose outcome is unknown is told as unknown`() throws {
        let table = BookTable(2)
        let ann = try key("ann")
        let id = try table.open(ann)
        table[0].falseFault = doubt
        let ticket = try table.set(ann, id, 1)
        let later = try table.set(ann, id, 2)
        _ = table.run(.lock(LockCommand(ann, owner: owner(2), .steal(lease: .seconds(60)))))
        table[0].falseFault = nil
        table.pass(.seconds(5))
        #expect(table[0].saved[ticket]?.failure == .failed(doubt))
        #expect(table[0].saved[later]?.isLost == true)
        #expect(table.value(ann) == 1)
    }

    @Test func `what can never be stored is refused before it is in memory`() throws {
        let table = BookTable(1) { $0.transactionBytesMax = 600 }
        let ann = try key("ann")
        let id = try table.open(ann)
        #expect(throws: HoldError.refused(.tooLarge(.transaction, max: 600))) {
            try table.set(ann, id, .string(String(repeating: "x", count: 700)))
        }
        #expect(try table.read(id) == nil)
        #expect(table[0].book.saves.isEmpty)
    }

    @Test func `the last words of a loop make what was built on a refused trade of nothing`() throws {
        let table = BookTable(2)
        let (ann, ben) = (try key("ann"), try key("ben"))
        let (first, second) = (try table.open(ann), try table.open(ben))
        _ = table.run(.lock(LockCommand(ben, owner: owner(2), .steal(lease: .seconds(60)))))
        table[0].isFrozen = true
        _ = try table.change([try part(ann, first, 1), try part(ben, second, 1)])
        try table.set(ann, first, 2)
        let commands = table[0].book.lastCommands()
        #expect(commands.count == 3)
        for command in commands { _ = table.run(command) }
        #expect((table.value(ann), table.value(ben)) == (nil, nil))
        let free = table.run(.lock(LockCommand(ann, owner: owner(3), .acquire(lease: .seconds(1), asks: false))))
        #expect(free.lock?.state == .acquired)
    }
}
