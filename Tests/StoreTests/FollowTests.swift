import Base
import Synchronization
import Testing
import Wire

@testable import Store

@Suite struct FollowTests {
    private struct Enough: Error {}

    /// What each of several followers was handed.
    private final class Heard: Sendable {
        private let all = Mutex<[[Int64]]>([[], []])
        func add(_ numbers: [Int64], by place: Int) { all.withLock { $0[place] += numbers } }
        func by(_ place: Int) -> [Int64] { all.withLock { $0[place] } }
        var count: Int { all.withLock { $0.reduce(0) { $0 + $1.count } } }
    }

    /// Follows until so many things have come.
    private func follow(_ store: Store, _ name: String = "mail", until count: Int) async throws -> [FeedEntry] {
        var all: [FeedEntry] = []
        await #expect(throws: Enough.self) {
            try await store.follow(name, pause: .milliseconds(1)) { entries in
                all += entries
                if all.count >= count { throw Enough() }
            }
        }
        return all
    }

    private func write(_ store: Store, _ numbers: Range<Int>) async throws {
        for number in numbers {
            _ = try await store.perform(.write(Write(try key("k\(number)"), .set(try body(.int(Int64(number)))))))
        }
    }

    private static func numbers(_ entries: [FeedEntry]) -> [Int64] {
        entries.compactMap { entry in
            if case .version(_, _, let body, _) = entry.content { body.number } else { nil }
        }
    }

    @Test(arguments: SubjectKind.allCases)
    func `who follows gets everything in order, and again what he did not finish`(kind: SubjectKind) async throws {
        try await withStore(kind, { $0.limits.rowsPerPageMax = 4 }) { store in
            try await write(store, 0..<10)
            #expect(Self.numbers(try await follow(store, until: 6)) == Array(0..<8))
            // The second page was not finished.
            #expect(Self.numbers(try await follow(store, until: 6)) == Array(4..<10))
            try await write(store, 10..<12)
            #expect(Self.numbers(try await follow(store, until: 4)) == Array(8..<12))
            #expect(Self.numbers(try await follow(store, "other", until: 12)) == Array(0..<12))
        }
    }

    @Test(arguments: SubjectKind.allCases)
    func `of two who follow under one name one is handed things, and the other one after it`(kind: SubjectKind)
        async throws
    {
        // Nobody is taken over for being slow on a busy machine.
        try await withStore(kind, { $0.limits.lease = .seconds(3_600) }) { store in
            let heard = Heard()
            let followers = (0..<2).map { place in
                Task { @Sendable in
                    try await store.follow("mail", pause: .milliseconds(1)) { entries in
                        heard.add(Self.numbers(entries), by: place)
                    }
                }
            }
            try await write(store, 0..<20)
            while heard.count < 20 { await Task.yield() }
            let first = heard.by(0).isEmpty ? 1 : 0
            #expect(heard.by(1 - first).isEmpty)
            followers[first].cancel()
            try await followers[first].value
            try await write(store, 20..<30)
            while heard.count < 30 { await Task.yield() }
            #expect(heard.by(first) == Array(0..<20))
            #expect(heard.by(1 - first) == Array(20..<30))
            followers[1 - first].cancel()
            try await followers[1 - first].value
        }
    }

    @Test func `who takes longer for a page than a lease keeps his name, and goes on`() async throws {
        try await withStore(
            .memory,
            {
                $0.limits.lease = .milliseconds(60)
                $0.limits.leaseRenewal = .milliseconds(10)
                $0.limits.rowsPerPageMax = 2
            }
        ) { store in
            try await write(store, 0..<4)
            let tokens = Heard()
            var pages: [[Int64]] = []
            await #expect(throws: Enough.self) {
                try await store.follow("mail", pause: .milliseconds(1)) { entries in
                    pages.append(Self.numbers(entries))
                    let place = try DocumentKey(hidden: "~cursor", "mail")
                    // Renewals go by: the lease ends later each time it is looked at.
                    var ends: Set<WallTime> = []
                    while ends.count < 12 {
                        guard case .lock(let state?) = try await store.read(.lock(place)) else { continue }
                        if let until = state.holder?.until { ends.insert(until) }
                        tokens.add([state.token], by: 0)
                        await Task.yield()
                    }
                    if pages.count == 2 { throw Enough() }
                }
            }
            #expect(pages == [[0, 1], [2, 3]])
            #expect(Set(tokens.by(0)).count == 1)
        }
    }

    @Test func `a page whose place could not be kept is handed over again`() async throws {
        let store = try Store(.memory)
        try await write(store, 0..<3)
        var rounds: [[Int64]] = []
        await #expect(throws: Enough.self) {
            try await store.follow("mail", pause: .milliseconds(1)) { entries in
                rounds.append(Self.numbers(entries))
                if rounds.count == 2 { throw Enough() }
                // Somebody else takes the name while this one works.
                let owner = OwnerID(bits: 7)
                let place = try DocumentKey(hidden: "~cursor", "mail")
                _ = try await store.perform(.lock(LockCommand(place, owner: owner, .steal(lease: .zero))))
            }
        }
        #expect(rounds == [[0, 1, 2], [0, 1, 2]])
        store.close()
    }
}
