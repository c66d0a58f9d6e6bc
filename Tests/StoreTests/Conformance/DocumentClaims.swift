import Base
import Testing
import Wire

@testable import Store

/// What every engine promises about documents.
@Suite("Store documents") struct DocumentClaims {
    @Test(arguments: SubjectKind.allCases)
    func `what was written is read again, with its version, its notes and its times`(kind: SubjectKind) async throws {
        let store = try kind.make()
        let key = try key("ann")
        let notes = try DocumentNotes(metadata: ["why": "quest"], userIDs: ["ann"])
        #expect(try await store.get(key) == nil)
        let first = try await store.set(key, ["gold": 3]) { $0.notes = notes }
        store.now = noon + .seconds(5)
        let second = try await store.set(key, ["gold": 4])
        #expect(second == first + 1)
        let document = try #require(try await store.get(key))
        #expect(document.body.value == ["gold": 4])
        #expect(document.version == second)
        #expect((document.created, document.updated) == (noon, noon + .seconds(5)))
        #expect(document.notes == .none, "notes that are not given again are gone")
        guard case .document(let old?)? = try await store.read([.version(key, first)]).first else {
            Issue.record("the first version is gone")
            return
        }
        #expect(old.notes.userIDs == ["ann"])
        #expect(old.notes.metadata["why"] == "quest")
        #expect(old.body.value == ["gold": 3])
    }

    @Test(arguments: SubjectKind.allCases)
    func `a write that expects another version is refused and changes nothing`(kind: SubjectKind) async throws {
        let store = try kind.make()
        let key = try key("ann")
        let write = Write(key, .set(try body(1)), expected: .version(1))
        #expect(try await store.refusal(of: .write(write)) == .conflict(current: nil))
        let version = try await store.set(key, 1) { $0.expected = .absent }
        #expect(
            try await store.refusal(of: .write(Write(key, .set(try body(2)), expected: .absent)))
                == .conflict(current: version)
        )
        #expect(
            try await store.refusal(of: .write(Write(key, .set(try body(2)), expected: .version(version + 1))))
                == .conflict(current: version)
        )
        #expect(try await store.value(key) == 1)
        try await store.set(key, 2) { $0.expected = .version(version) }
        #expect(try await store.value(key) == 2)
    }

    @Test(arguments: SubjectKind.allCases)
    func `the second of two writes in one group sees the first`(kind: SubjectKind) async throws {
        let store = try kind.make()
        let key = try key("ann")
        let answers = try await store.run([
            .write(Write(key, .set(try body(5)), expected: .absent)),
            .write(Write(key, .set(try body(6)), expected: .absent)),
            .write(Write(key, .increment(2))),
            .write(Write(key, .remove)),
            .write(Write(key, .increment(1))),
        ])
        let version = try #require(answers[0].version)
        #expect(answers[1].refusal == .conflict(current: version))
        #expect(answers[2].receipt?.writes.first?.number == 7)
        #expect(answers[4].receipt?.writes.first == .init(version: version + 3, number: 1))
        #expect(try await store.value(key) == 1)
    }

    @Test(arguments: SubjectKind.allCases)
    func `a number grows from nothing, and what is none does not`(kind: SubjectKind) async throws {
        let store = try kind.make()
        let (counter, text) = (try key("counter"), try key("text"))
        #expect(try await store.run(.write(Write(counter, .increment(-3)))).receipt?.writes.first?.number == -3)
        #expect(try await store.run(.write(Write(counter, .increment(10)))).receipt?.writes.first?.number == 7)
        try await store.set(text, "seven")
        #expect(try await store.refusal(of: .write(Write(text, .increment(1)))) == .notANumber)
        try await store.set(counter, .int(.max))
        #expect(try await store.refusal(of: .write(Write(counter, .increment(1)))) == .numberOverflow)
        #expect(try await store.value(counter) == .int(.max))
    }

    @Test(arguments: SubjectKind.allCases)
    func `a removed document leaves a tombstone, and its versions go on`(kind: SubjectKind) async throws {
        let store = try kind.make()
        let key = try key("ann")
        #expect(try await store.run(.write(Write(key, .remove))).receipt?.writes.first?.version == 0)
        let first = try await store.set(key, 1)
        #expect(try await store.run(.write(Write(key, .remove))).version == first + 1)
        #expect(try await store.get(key) == nil)
        #expect(try await store.run(.write(Write(key, .remove))).version == first + 1, "it is gone already")
        store.now = noon + .seconds(1)
        #expect(try await store.set(key, 2) { $0.expected = .absent } == first + 2)
        #expect(try await store.get(key)?.created == noon + .seconds(1))
    }

    @Test(arguments: SubjectKind.allCases)
    func `versions are listed, read and restored`(kind: SubjectKind) async throws {
        let store = try kind.make()
        let key = try key("ann")
        var versions: [Int64] = []
        for number in 0..<5 {
            store.now = noon + .seconds(number)
            versions.append(try await store.set(key, .int(Int64(number))))
        }
        versions.append(try #require(try await store.run(.write(Write(key, .remove))).version))
        guard case .versions(let page)? = try await store.read([.versions(key, below: nil, max: 4)]).first else {
            return
        }
        #expect(page.map(\.version) == versions.suffix(4).reversed())
        #expect(page.map(\.isRemoval) == [true, false, false, false])
        guard case .versions(let rest)? = try await store.read([.versions(key, below: versions[2], max: 9)]).first
        else { return }
        #expect(rest.map(\.version) == [versions[1], versions[0]])
        guard case .document(let then)? = try await store.read([.moment(key, noon + .milliseconds(2_500))]).first
        else { return }
        #expect(then?.body.value == 2)
        #expect(try await store.read([.moment(key, noon + .seconds(-1))]) == [.document(nil)])
        #expect(try await store.read([.version(key, versions[5])]) == [.document(nil)], "a removal is no document")

        let restored = try await store.run(.write(Write(key, .restore(version: versions[1]))))
        #expect(restored.version == versions[5] + 1)
        #expect(try await store.value(key) == 1)
        #expect(try await store.refusal(of: .write(Write(key, .restore(version: versions[5])))) == .noSuchVersion)
        #expect(try await store.refusal(of: .write(Write(key, .restore(version: 999)))) == .noSuchVersion)
        let both = try await store.run([
            .write(Write(key, .set(try body(70)))), .write(Write(key, .set(try body(71)))),
            .write(Write(key, .restore(version: versions[5] + 2))),
        ])
        #expect(both.last?.version == versions[5] + 4)
        #expect(try await store.value(key) == 70, "a version of the same group is restored too")
    }

    @Test(arguments: SubjectKind.allCases)
    func `a document that has expired is gone, and one may be kept alive`(kind: SubjectKind) async throws {
        let store = try kind.make()
        let key = try key("lobby")
        let first = try await store.set(key, 1) { $0.lifetime = .until(noon + .seconds(10)) }
        store.now = noon + .seconds(9)
        #expect(try await store.get(key)?.expires == noon + .seconds(10))
        try await store.set(key, 2)
        #expect(
            try await store.get(key)?.expires == noon + .seconds(10),
            "a write that says nothing changes no lifetime"
        )
        store.now = noon + .seconds(10)
        #expect(try await store.get(key) == nil)
        #expect(try await store.run(.write(Write(key, .increment(5)))).receipt?.writes.first?.number == 5)
        #expect(try await store.get(key)?.version == first + 2)
        #expect(try await store.get(key)?.expires == nil)
        try await store.set(key, 3) { $0.lifetime = .until(noon + .seconds(20)) }
        try await store.set(key, 3) { $0.lifetime = .forever }
        #expect(try await store.get(key)?.expires == nil)
    }

    @Test(arguments: SubjectKind.allCases)
    func `keys are listed in order, by prefix and page`(kind: SubjectKind) async throws {
        let store = try kind.make()
        for name in ["b2", "a1", "ä", "b1", "b10", "b"] { try await store.set(try key(name), 1) }
        try await store.set(try key("b0", scope: "other"), 1)
        try await store.set(try key("b0", in: "bagsx"), 1)
        _ = try await store.run(.write(Write(try key("b10"), .remove)))
        let all = try await store.names(try KeyRange("bags"), max: 100)
        #expect(all == ["a1", "b", "b1", "b2", "ä"])
        let prefixed = try await store.names(try KeyRange("bags", prefix: "b"), max: 100)
        #expect(prefixed == ["b", "b1", "b2"])
        let page = try await store.names(try KeyRange("bags"), after: try key("b"), max: 2)
        #expect(page == ["b1", "b2"])
        #expect(try await store.names(try KeyRange("bags"), after: try key("ä"), max: 2) == [])
        #expect(try await store.names(try KeyRange("bags", scope: "none"), max: 2) == [])
    }

    @Test(arguments: SubjectKind.allCases)
    func `two spellings of one letter are two keys`(kind: SubjectKind) async throws {
        let store = try kind.make()
        let (composed, decomposed) = (try key("caf\u{E9}"), try key("cafe\u{301}"))
        try await store.set(composed, 1)
        try await store.set(decomposed, 2)
        #expect(try await store.value(composed) == 1)
        #expect(try await store.value(decomposed) == 2)
    }

    @Test(arguments: SubjectKind.allCases, [0, 1, 4_000, 4_096, 100_000, 4_000_000])
    func `a value of any size comes back`(kind: SubjectKind, size: Int) async throws {
        let store = try kind.make()
        let key = try key("blob")
        let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        try await store.set(key, .bytes(bytes))
        #expect(try await store.value(key) == .bytes(bytes))
    }

    @Test(arguments: SubjectKind.allCases)
    func `a batch that is too large for one answer says so by being shorter`(kind: SubjectKind) async throws {
        var limits = Limits.Store()
        limits.pageBytesMax = 2_500
        let store = try kind.make(limits: limits)
        let keys = try (0..<4).map { try key("k\($0)") }
        for key in keys { try await store.set(key, .bytes([UInt8](repeating: 1, count: 1_000))) }
        guard case .documents(let found)? = try await store.read([.documents(keys)]).first else { return }
        #expect(found.count == 2)
    }
}

extension Subject {
    func names(_ range: KeyRange, after: DocumentKey? = nil, max: Int) async throws -> [String] {
        guard case .list(let entries)? = try await read([.list(range, after: after, max: max)]).first else { return [] }
        return entries.map(\.key.key)
    }
}
