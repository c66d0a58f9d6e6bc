import Base
import Testing
import Wire

@testable import Store

/// What every engine promises to operators.
@Suite("Store for operators") struct OperatorClaims {
    private func locks(_ store: any Subject, page: Int) async throws -> [LockEntry] {
        var all: [LockEntry] = []
        var after: DocumentKey?
        for _ in 0..<1_000 {
            guard case .locks(let found)? = try await store.read([.locks(after: after, max: page)]).first else { break }
            all += found.entries
            after = found.next
            if after == nil { return all }
        }
        Issue.record("a list of locks has no end")
        return all
    }

    @Test(arguments: SubjectKind.allCases)
    func `locks that are held are listed in order, with who wants them`(kind: SubjectKind) async throws {
        let store = try kind.make()
        #expect(try await locks(store, page: 2).isEmpty)
        for number in 0..<7 {
            let fence = try await store.acquire(try key("k\(number)"), owner(UInt128(number + 1)))
            if number == 3 { _ = try await store.lock(fence.lock, fence.owner, .release(token: fence.token)) }
        }
        // A document beside them, which nobody has locked.
        try await store.set(try key("k2a"), 1)
        _ = try await store.lock(try key("k5"), owner(99), .acquire(lease: .seconds(10), asks: true))
        for page in [1, 2, 3, 100] {
            let found = try await locks(store, page: page)
            #expect(found.map(\.key.key) == ["k0", "k1", "k2", "k4", "k5", "k6"])
            #expect(found.map(\.holder.name).first == "owner 1")
            #expect(found.map(\.token) == [1, 1, 1, 1, 1, 1])
            #expect(found.compactMap(\.wanted?.name) == ["owner 99"])
            #expect(found.allSatisfy { $0.holder.since == noon })
        }
        store.now = noon + .seconds(5)
        let renewal = LockCommand.Action.renew(token: 1, lease: .seconds(10))
        _ = try await store.lock(try key("k0"), owner(1), renewal)
        _ = try await store.lock(try key("k1"), owner(7), .steal(lease: .seconds(10)))
        let later = try await locks(store, page: 100)
        #expect(later.prefix(2).map(\.holder.since) == [noon, noon + .seconds(5)], "a renewal begins nothing anew")
        store.now = noon + .seconds(15)
        #expect(try await locks(store, page: 2).isEmpty, "a lease that is over holds nothing")
    }

    @Test(arguments: SubjectKind.allCases)
    func `what engines have written hangs together`(kind: SubjectKind) async throws {
        let store = try kind.make(RetentionRules(byStore: ["short": .zero]))
        for number in 0..<5 {
            for value in 0..<3 { try await store.set(try key("k\(number)"), .int(Int64(value))) }
            for value in 0..<3 { try await store.set(try key("k\(number)", in: "short"), .int(Int64(value))) }
        }
        _ = try await store.run(.write(Write(try key("k1"), .remove)))
        _ = try await store.acquire(try key("never written"), owner(1))
        let event = try FeedEvent(topic: "news", payload: [1])
        _ = try await store.run(.transaction(Transaction(events: [event])))
        var (documents, rows) = (0, 0)
        var cursor: CheckCursor?
        for _ in 0..<1_000 {
            guard case .check(let page)? = try await store.read([.check(from: cursor, max: 4)]).first else { break }
            documents += page.documents
            rows += page.logRows
            #expect(page.flaws == [])
            cursor = page.next
            if cursor == nil { break }
        }
        #expect(cursor == nil)
        #expect(documents >= 10)
        #expect(rows >= 5 * 3 + 5 + 2)
    }
}
