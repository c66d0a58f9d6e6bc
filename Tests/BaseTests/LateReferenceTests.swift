import Base
import Synchronization
import Testing

struct LateReferenceTests {
    private final class Counted: Sendable {
        private let count: Alive
        init(_ count: Alive) {
            self.count = count
            count.number.add(1, ordering: .relaxed)
        }
        deinit { count.number.subtract(1, ordering: .relaxed) }
    }

    private final class Alive: Sendable {
        let number = Atomic<Int>(0)
    }

    @Test func `the first object stays, and every later one is let go`() {
        let alive = Alive()
        do {
            let late = LateReference<Counted>()
            #expect(late.load() == nil)
            let first = late.storeIfNil(Counted(alive))
            #expect(late.storeIfNil(Counted(alive)) === first)
            #expect(late.load() === first)
            #expect(alive.number.load(ordering: .relaxed) == 1)
        }
        #expect(alive.number.load(ordering: .relaxed) == 0)
    }

    @Test func `of many threads that come at once all get the same object`() async {
        let alive = Alive()
        let late = Late()
        let seen = await withTaskGroup(of: ObjectIdentifier.self) { group in
            for _ in 0..<32 { group.addTask { ObjectIdentifier(late.reference.storeIfNil(Counted(alive))) } }
            return await group.reduce(into: Set<ObjectIdentifier>()) { $0.insert($1) }
        }
        #expect(seen.count == 1)
        #expect(alive.number.load(ordering: .relaxed) == 1)
    }

    private final class Late: Sendable {
        let reference = LateReference<Counted>()
    }
}
