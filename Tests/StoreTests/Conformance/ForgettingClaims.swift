import Base
import Testing
import Wire

@testable import Store

/// What every engine promises to forget, and what to keep.
@Suite("Store forgetting") struct ForgettingClaims {
    private static let day = Duration.seconds(86_400)

    @Test(arguments: SubjectKind.allCases, [1, 3, 100])
    func `a version goes when it was replaced long enough ago, never before`(
        kind: SubjectKind,
        rowsMax: Int
    ) async throws {
        let store = try kind.make(RetentionRules(standard: Self.day))
        let (busy, cold) = (try key("busy"), try key("cold"))
        try await store.set(cold, "old")
        for hour in 0..<48 {
            store.now = noon + .seconds(3_600 * hour)
            try await store.set(busy, .int(Int64(hour)))
        }
        // Now it is hour 47: versions 0…22 were replaced in hours 1…23, a day or longer ago.
        let report = try await store.prune(rowsMax: rowsMax)
        #expect(report.versions == 23)
        #expect(report.documents == 0)
        guard case .versions(let kept)? = try await store.read([.versions(busy, below: nil, max: 100)]).first else {
            return
        }
        #expect(kept.count == 25)
        #expect(try await store.value(cold) == "old", "what is newest is kept, however old it is")
        #expect(try await store.value(busy) == 47)
        guard case .document(let then)? = try await store.read([.moment(busy, store.now + .seconds(-86_400))]).first
        else { return }
        #expect(then?.body.value == 23, "every moment of the last day can be read")
        #expect(try await store.prune(rowsMax: rowsMax).versions == 0)
    }

    @Test(arguments: SubjectKind.allCases)
    func `a removed document is forgotten whole, and its versions are never used again`(
        kind: SubjectKind
    ) async throws {
        let store = try kind.make(RetentionRules(standard: Self.day))
        let key = try key("ann")
        try await store.set(key, 1)
        try await store.set(key, 2)
        let last = try #require(try await store.run(.write(Write(key, .remove))).version)
        store.now = noon + .seconds(86_399)
        #expect(try await store.prune().documents == 0)
        store.now = noon + Self.day
        let report = try await store.prune()
        #expect(report.documents == 1)
        #expect(try await store.read([.versions(key, below: nil, max: 9)]) == [.versions([])])
        #expect(try await store.set(key, 3) == last + 1)
        _ = try await store.reopen()
        #expect(try await store.set(try DocumentKey("bags", "ben"), 3) > last)
    }

    @Test(arguments: SubjectKind.allCases)
    func `a removed document that came back stays`(kind: SubjectKind) async throws {
        let store = try kind.make(RetentionRules(standard: Self.day))
        let key = try key("ann")
        try await store.set(key, 1)
        _ = try await store.run(.write(Write(key, .remove)))
        store.now = noon + Self.day
        try await store.set(key, 2)
        let report = try await store.prune()
        #expect((report.documents, report.versions) == (0, 1))
        #expect(try await store.value(key) == 2)
    }

    @Test(arguments: SubjectKind.allCases)
    func `an expired document goes with all its versions`(kind: SubjectKind) async throws {
        let store = try kind.make()
        let keys = try (0..<5).map { try key("lobby \($0)") }
        for (index, key) in keys.enumerated() {
            try await store.set(key, 1) { $0.lifetime = .until(noon + .seconds(10 + index)) }
        }
        let last = try await store.set(keys[0], 2)
        store.now = noon + .seconds(12)
        #expect(try await store.prune(rowsMax: 2).documents == 3)
        #expect(try await store.read([.versions(keys[0], below: nil, max: 9)]) == [.versions([])])
        #expect(try await store.value(keys[3]) == 1)
        #expect(try await store.set(keys[0], 3) > last)
    }

    @Test(arguments: SubjectKind.allCases)
    func `outcomes go when their day is over, events when everybody had time to read them`(
        kind: SubjectKind
    ) async throws {
        let store = try kind.make(RetentionRules(standard: Self.day))
        for number in 0..<7 {
            let name = try OutcomeName(player: "ann", key: "k\(number)")
            let outcome = try OutcomeRow(name, digest: 1, bytes: [], expires: noon + .seconds(number))
            let event = try FeedEvent(topic: "t", payload: [])
            _ = try await store.run(.transaction(Transaction(events: [event], outcome: outcome)))
        }
        store.now = noon + .seconds(4)
        #expect(try await store.prune(rowsMax: 2).outcomes == 5)
        #expect(try await store.events().count == 7)
        store.now = noon + Self.day
        _ = try await store.prune(rowsMax: 2)
        #expect(try await store.events().isEmpty)
    }

    @Test(arguments: SubjectKind.allCases)
    func `a store without history keeps the newest version only`(kind: SubjectKind) async throws {
        let store = try kind.make(RetentionRules(byStore: ["bags": .zero]))
        let key = try DocumentKey("bags", "ann")
        let other = try DocumentKey("others", "ann")
        for number in 0..<3 {
            try await store.set(key, .int(Int64(number)))
            try await store.set(other, .int(Int64(number)))
        }
        _ = try await store.run([.write(Write(key, .increment(1))), .write(Write(key, .increment(1)))])
        guard case .versions(let kept)? = try await store.read([.versions(key, below: nil, max: 9)]).first,
            case .versions(let all)? = try await store.read([.versions(other, below: nil, max: 9)]).first
        else { return }
        #expect(kept.map(\.version) == [5])
        #expect(all.count == 3)
        #expect(try await store.value(key) == 4)
        #expect(try await store.feed(pages: 2).count == 4)
    }
}
