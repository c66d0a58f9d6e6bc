import Base
import Reactor
import Store
import Synchronization
import Wire

/// What a round stands on: its documents are made before it and read behind it, while no worker is there.
struct StressGround {
    private let place: String
    private let plan: StressPlan

    init(_ place: String, _ plan: StressPlan) {
        self.place = place
        self.plan = plan
    }

    private static let begin = "begin"
    private static let end = "end"

    /// Makes the documents, and finds the end of the feed behind the cursor.
    func begin(
        behind cursor: FeedCursor
    ) throws(StressFailure) -> (start: [(version: Int64, value: Int64)], cursor: FeedCursor) {
        let plan = plan
        return try withStore { store in
            let writes = try StressPlan.places.map { place in
                Write(try plan.key(place), .set(try DocumentBody(.int(StressPlan.start(place)))))
            }
            let answer = try await store.perform(.transaction(Transaction(writes, events: [try mark(Self.begin)])))
            guard case .written(let receipt) = answer else { throw StoreError.failed(.closed) }
            let start = receipt.writes.enumerated().map { (version: $1.version, value: StressPlan.start($0)) }
            var cursor = cursor
            try await follow(store, to: Self.begin, from: &cursor) { _ in }
            return (start, cursor)
        }
    }

    /// Reads everything that a round has left behind.
    func end(behind cursor: inout FeedCursor, _ evidence: inout StressEvidence) throws(StressFailure) {
        let (plan, before) = (plan, cursor)
        let found = try withStore { store in
            // When the feed shows this, everything that came before it is over.
            _ = try await store.perform(.transaction(Transaction(events: [try mark(Self.end)])))
            var (cursor, feed) = (before, [StressRecord]())
            try await follow(store, to: Self.end, from: &cursor) { entry in
                if let record = plan.record(entry) { feed.append(record) }
            }
            let clock = SystemClock()
            let from = clock.now().nanoseconds
            let keys = try StressPlan.places.map { try plan.key($0) }
            guard case .documents(let documents) = try await store.read(.documents(keys)) else {
                throw StoreError.failed(.closed)
            }
            return (cursor, feed, documents.map(StressClient.content), (from, clock.now().nanoseconds))
        }
        cursor = found.0
        evidence.feed = found.1
        evidence.end = found.2
        evidence.endRead = found.3
    }

    private func mark(_ word: String) throws(StoreError) -> FeedEvent {
        do throws(StoreRefusal) {
            return try FeedEvent(topic: "stress", payload: Array("\(plan.scope) \(word)".utf8))
        } catch {
            throw .refused(error)
        }
    }

    /// Reads the feed up to a mark of ours, which comes when nothing older is under way.
    private func follow(
        _ store: Store,
        to word: String,
        from cursor: inout FeedCursor,
        _ see: (FeedEntry) -> Void
    ) async throws {
        let mark = try mark(word)
        let patience = SystemClock().now() + .seconds(60)
        while SystemClock().now() < patience {
            guard case .feed(let page) = try await store.read(.feed(from: cursor, max: 1_000)) else { break }
            cursor = page.next
            for entry in page.entries {
                if case .event(let event) = entry.content, event == mark { return }
                see(entry)
            }
            if page.entries.isEmpty { try await Task.sleep(for: .milliseconds(20)) }
        }
        throw StoreError.failed(.busy(retryAfter: .zero))
    }

    /// Opens the store for as long as the body takes.
    private func withStore<Found: Sendable>(
        _ body: @escaping @Sendable (Store) async throws -> Found
    ) throws(StressFailure) -> Found {
        guard let place = StorePlace(place), let store = StressWorker.open(place) else {
            throw StressFailure(text: "the store cannot be opened")
        }
        let (result, isOver) = (Outcome<Found>(), Bell())
        Task {
            do {
                let found = try await body(store)
                result.found.withLock { $0 = .success(found) }
            } catch {
                let text = "\(error)"
                result.found.withLock { $0 = .failure(StressFailure(text: text)) }
            }
            isOver.ring()
        }
        isOver.wait()
        store.close()
        return try result.found.withLock { $0 }.get()
    }

    private final class Outcome<Found: Sendable>: Sendable {
        let found = Mutex(Result<Found, StressFailure>.failure(StressFailure(text: "nothing was done")))
    }
}
