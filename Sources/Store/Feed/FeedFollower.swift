import Base
import Wire

/// Somebody who reads the feed under a name: holds the name's lock, and knows how far he is.
struct FeedFollower: Sendable {
    private let key: DocumentKey
    private let owner: OwnerID
    private let limits: Limits.Store
    /// While the name is his.
    private var fence: Fence?
    private var renewal = WallTime(nanoseconds: 0)
    private var cursor = FeedCursor.start

    init(_ key: DocumentKey, _ owner: OwnerID, _ limits: Limits.Store) {
        self.key = key
        self.owner = owner
        self.limits = limits
    }

    /// What comes next; `nil` when there is nothing new, or another one follows under this name.
    mutating func next(in store: Store) async throws(StoreError) -> FeedPage? {
        guard try await holds(store) else { return nil }
        while true {
            let reading = try await store.read(.feed(from: cursor, max: limits.rowsPerPageMax))
            guard case .feed(let page) = reading else { preconditionFailure("the feed was asked for") }
            if !page.entries.isEmpty { return page }
            // Of things that are not the game's a page shows nothing, and goes on behind them.
            guard page.next != cursor else { return nil }
            cursor = page.next
        }
    }

    /// Keeps the name while a page is handled, however long that takes. It ends when it is cancelled, or when the name is
    /// another one's, which is found out when the place is to be kept.
    func keep(in store: Store) async {
        guard let fence else { return }
        let renewal = lock(.renew(token: fence.token, lease: limits.lease))
        while true {
            do { try await Task.sleep(for: limits.leaseRenewal) } catch { return }
            do throws(StoreError) { _ = try await store.perform(renewal) } catch .refused { return } catch { continue }
        }
    }

    /// Keeps how far he is. Where that fails, because the store is away or another one has taken the name over, the page is
    /// handed over once more.
    mutating func handled(_ page: FeedPage, in store: Store) async {
        let place: Value = .array([.int(page.next.transaction), .int(page.next.sequence)])
        do throws(StoreError) {
            let body: DocumentBody
            do throws(StoreRefusal) { body = try DocumentBody(place) } catch { throw .refused(error) }
            _ = try await store.perform(.write(Write(key, .set(body), fence: fence)))
            cursor = page.next
        } catch {
            fence = nil
        }
    }

    /// Leaves the name to others.
    mutating func letGo(of store: Store) async {
        guard let fence else { return }
        self.fence = nil
        // Who cannot say so now has said so when the lease is over.
        _ = try? await store.perform(lock(.release(token: fence.token)), patience: .zero)
    }

    private mutating func holds(_ store: Store) async throws(StoreError) -> Bool {
        if fence != nil, store.now < renewal { return true }
        do throws(StoreError) {
            let answer = try await store.perform(lock(.acquire(lease: limits.lease, asks: false)))
            guard case .lock(let report) = answer else { preconditionFailure("a lock was asked for") }
            renewal = store.now.adding(limits.leaseRenewal)
            if fence?.token == report.token { return true }
            cursor = try await place(in: store)
            fence = Fence(lock: key, token: report.token, owner: owner)
            return true
        } catch {
            fence = nil
            guard case .refused(.locked) = error else { throw error }
            return false
        }
    }

    private func place(in store: Store) async throws(StoreError) -> FeedCursor {
        guard let document = try await store.document(key) else { return .start }
        guard case .array(let place)? = document.body.value, place.count == 2, case .int(let transaction) = place[0],
            case .int(let sequence) = place[1]
        else { throw .failed(.away(.damaged, retryAfter: limits.backoffMax)) }
        return FeedCursor(transaction: transaction, sequence: sequence)
    }

    private func lock(_ action: LockCommand.Action) -> Command {
        .lock(LockCommand(key, owner: owner, ownerName: "feed", action))
    }
}
