import Base
import Testing
import Wire

@testable import Store

/// What every engine promises about locks.
@Suite("Store locks") struct LockClaims {
    private let ann = owner(1)
    private let ben = owner(2)
    private let lease = Duration.seconds(10)

    @Test(arguments: SubjectKind.allCases)
    func `one owner has a lock until he lets it go`(kind: SubjectKind) async throws {
        let store = try kind.make()
        let key = try key("ann")
        let first = try #require(try await store.lock(key, ann, .acquire(lease: lease, asks: false)).lock)
        #expect(first.state == .acquired)
        #expect(first.until == noon + lease)
        guard case .locked(let holder)? = try await store.lock(key, ben, .acquire(lease: lease, asks: false)).refusal
        else {
            Issue.record("two owners")
            return
        }
        #expect((holder.owner, holder.name, holder.remaining) == (ann, "owner 1", lease))
        #expect(try await store.lock(key, ann, .release(token: first.token)).lock?.state == .released)
        #expect(
            try await store.lock(key, ann, .release(token: first.token)).lock?.state == .released,
            "twice is no harm"
        )
        let second = try #require(try await store.lock(key, ben, .acquire(lease: lease, asks: false)).lock)
        #expect(second.state == .acquired)
        #expect(second.token > first.token)
    }

    @Test(arguments: SubjectKind.allCases)
    func `whoever asks again for what he has keeps it under the same token`(kind: SubjectKind) async throws {
        let store = try kind.make()
        let key = try key("ann")
        let fence = try await store.acquire(key, ann)
        store.now = noon + .seconds(4)
        let again = try #require(try await store.lock(key, ann, .acquire(lease: lease, asks: false)).lock)
        #expect((again.state, again.token, again.until) == (.kept, fence.token, noon + .seconds(14)))
    }

    @Test(arguments: SubjectKind.allCases)
    func `a lease that is over may be taken over, and the former owner writes nothing more`(
        kind: SubjectKind
    ) async throws {
        let store = try kind.make()
        let key = try key("ann")
        let old = try await store.acquire(key, ann)
        try await store.set(key, 1) { $0.fence = old }
        store.now = noon + lease
        let taken = try #require(try await store.lock(key, ben, .acquire(lease: lease, asks: false)).lock)
        #expect(taken.state == .takenOver(from: ann))
        #expect(taken.token > old.token)
        // The former owner's clock stands still: he knows nothing of it.
        for change in [Write.Change.set(try body(9)), .increment(1), .remove, .restore(version: 1)] {
            guard case .fenced(let holder)? = try await store.refusal(of: .write(Write(key, change, fence: old))) else {
                Issue.record("a stale writer wrote")
                continue
            }
            #expect(holder?.owner == ben)
        }
        #expect(try await store.value(key) == 1)
        let new = Fence(lock: key, token: taken.token, owner: ben)
        try await store.set(key, 2) { $0.fence = new }
        guard case .fenced? = try await store.lock(key, ann, .renew(token: old.token, lease: lease)).refusal else {
            Issue.record("a lost lock was renewed")
            return
        }
        guard case .fenced? = try await store.lock(key, ann, .release(token: old.token)).refusal else {
            Issue.record("a lost lock was let go")
            return
        }
        #expect(try await store.value(key) == 2)
    }

    @Test(arguments: SubjectKind.allCases)
    func `a lease that nobody took is renewed although it was over`(kind: SubjectKind) async throws {
        let store = try kind.make()
        let key = try key("ann")
        let fence = try await store.acquire(key, ann)
        store.now = noon + .seconds(60)
        try await store.set(key, 1) { $0.fence = fence }
        let renewed = try await store.lock(key, ann, .renew(token: fence.token, lease: lease)).lock
        #expect(renewed?.state == .kept)
        #expect(renewed?.until == noon + .seconds(70))
        store.now = noon + .seconds(55)
        let late = try await store.lock(key, ann, .renew(token: fence.token, lease: lease)).lock
        #expect(late?.until == noon + .seconds(70), "a renewal takes nothing back")
    }

    @Test(arguments: SubjectKind.allCases)
    func `whoever wants a lock leaves a note that its owner finds`(kind: SubjectKind) async throws {
        let store = try kind.make()
        let key = try key("ann")
        let fence = try await store.acquire(key, ann)
        guard case .asked(let holder)? = try await store.lock(key, ben, .acquire(lease: lease, asks: true)).lock?.state
        else {
            Issue.record("he was not told")
            return
        }
        #expect(holder.owner == ann)
        let renewed = try await store.lock(key, ann, .renew(token: fence.token, lease: lease)).lock
        #expect(renewed?.wanted == LockWish(owner: ben, name: "owner 2", since: noon))
        let released = try await store.lock(key, ann, .release(token: fence.token)).lock
        #expect(released?.wanted?.owner == ben)
        let taken = try await store.lock(key, ben, .acquire(lease: lease, asks: true)).lock
        #expect(taken?.state == .acquired)
        #expect(taken?.wanted == nil, "the note goes with the change of hands")
    }

    @Test(arguments: SubjectKind.allCases)
    func `a lock that is stolen is lost at once`(kind: SubjectKind) async throws {
        let store = try kind.make()
        let key = try key("ann")
        let old = try await store.acquire(key, ann)
        let stolen = try #require(try await store.lock(key, ben, .steal(lease: lease)).lock)
        #expect(stolen.state == .stolen(from: ann))
        guard case .fenced? = try await store.refusal(of: .write(Write(key, .increment(1), fence: old))) else {
            Issue.record("a stale writer wrote")
            return
        }
        #expect(try await store.lock(key, ben, .steal(lease: lease)).lock?.token == stolen.token)
    }

    @Test(arguments: SubjectKind.allCases)
    func `a locked document is written by its owner alone`(kind: SubjectKind) async throws {
        let store = try kind.make()
        let (bag, purse) = (try key("bag"), try key("purse"))
        let fence = try await store.acquire(bag, ann)
        guard case .locked(let holder)? = try await store.refusal(of: .write(Write(bag, .increment(1)))) else {
            Issue.record("somebody wrote without the lock")
            return
        }
        #expect(holder.owner == ann)
        // One lock may guard several documents.
        try await store.set(purse, 1) { $0.fence = fence }
        let other = try await store.acquire(purse, ben)
        guard case .locked? = try await store.refusal(of: .write(Write(purse, .increment(1), fence: fence))) else {
            Issue.record("a fence of another lock opened this one")
            return
        }
        try await store.set(purse, 2) { $0.fence = other }
        store.now = noon + .seconds(11)
        #expect(
            try await store.run(.write(Write(bag, .increment(1)))).version == 1,
            "a lease that is over locks nobody out"
        )
    }

    @Test(arguments: SubjectKind.allCases)
    func `a write past a lease that is over ends the lock, so that its former owner overwrites nothing`(
        kind: SubjectKind
    ) async throws {
        let store = try kind.make()
        let bag = try key("bag")
        let fence = try await store.acquire(bag, ann)
        store.now = noon + .seconds(11)
        // What changes nothing takes nothing.
        #expect(try await store.run(.write(Write(bag, .remove))).version == 0)
        try await store.set(bag, 1) { $0.fence = fence }
        try await store.set(bag, 2)
        guard case .fenced? = try await store.refusal(of: .write(Write(bag, .increment(1), fence: fence))) else {
            Issue.record("he wrote over what he does not know")
            return
        }
        guard case .fenced? = try await store.lock(bag, ann, .renew(token: fence.token, lease: lease)).refusal else {
            Issue.record("a lost lock was renewed")
            return
        }
        let again = try #require(try await store.lock(bag, ann, .acquire(lease: lease, asks: false)).lock)
        #expect(again.state == .acquired)
        #expect(again.token > fence.token)
        #expect(try await store.value(bag) == 2)
    }

    @Test(arguments: SubjectKind.allCases)
    func `a fence that was never given is refused`(kind: SubjectKind) async throws {
        let store = try kind.make()
        let key = try key("ann")
        let invented = Fence(lock: key, token: 1, owner: ann)
        #expect(
            try await store.refusal(of: .write(Write(key, .increment(1), fence: invented))) == .fenced(current: nil)
        )
        let fence = try await store.acquire(key, ann)
        let wrong = Fence(lock: key, token: fence.token, owner: ben)
        guard case .fenced? = try await store.refusal(of: .write(Write(key, .increment(1), fence: wrong))) else {
            Issue.record("another owner's token was taken")
            return
        }
        _ = try await store.lock(key, ann, .release(token: fence.token))
        #expect(try await store.refusal(of: .write(Write(key, .increment(1), fence: fence))) == .fenced(current: nil))
    }

    @Test(arguments: SubjectKind.allCases)
    func `a lock's state is read by anybody`(kind: SubjectKind) async throws {
        let store = try kind.make()
        let key = try key("ann")
        #expect(try await store.read([.lock(key)]) == [.lock(nil)])
        let fence = try await store.acquire(key, ann)
        _ = try await store.lock(key, ben, .acquire(lease: lease, asks: true))
        guard case .lock(let state?)? = try await store.read([.lock(key)]).first else {
            Issue.record("there is no lock")
            return
        }
        #expect((state.token, state.holder?.owner, state.wanted?.owner) == (fence.token, ann, ben))
        store.now = noon + .seconds(10)
        guard case .lock(let over?)? = try await store.read([.lock(key)]).first else { return }
        #expect(over.holder == nil)
    }
}
