import Base
import Reactor
public import Wire

/// A document whose lock this process holds, on the loop that holds it.
///
/// What is changed is changed in memory at once, and saved in order. `saved` and `changed` are different things: `then`
/// tells the first. A change that is refused is taken back in memory, and so are those that were built on it; each of
/// them is told.
///
/// The lock is let go when the last reference to this is gone, so whoever plays with it keeps it. Proof of
/// `@unchecked Sendable`: its state is touched on the loop's thread alone, which every entrance checks.
public final class HeldDocument: @unchecked Sendable {
    /// Which document.
    public let key: DocumentKey
    /// Who keeps the lock.
    public let keeper: LockKeeper
    let id: LockBook.TenureID
    private let loop: EventLoop
    private let cell: LockBook.Cell
    /// Why there is no lock any more.
    var end: HoldError?
    private var decoded: (edition: UInt64, value: Value?)?

    init(_ keeper: LockKeeper, _ id: LockBook.TenureID, _ key: DocumentKey) {
        loop = keeper.loop
        cell = keeper.book.tenures[id.place].cell
        self.keeper = keeper
        self.id = id
        self.key = key
    }

    deinit { keeper.dropped(id) }

    // MARK: Reading

    /// The document, changes that are not saved yet included; `nil` when there is none. From memory: no allocation, no
    /// waiting, some tens of nanoseconds.
    ///
    /// It answers while nobody else can have the lock: until `leaseMargin` before the end of the lease, by this machine's
    /// monotonic clock, which it looks at. So what it says is the newest there is, unless somebody has stolen the lock or
    /// set the store's clock; then it may be as old as a lease at most.
    ///
    /// - Throws: `doubtful` while the lock may be somebody else's, `lost` or `ended` when it is not ours.
    public func read() throws(HoldError) -> HeldBody? {
        _ = try sureEdition()
        return cell.current
    }

    /// The document in memory, whatever has become of the lease: for play that goes on while the store is away. It may be
    /// somebody else's by now, and then none of it will be saved.
    ///
    /// - Throws: `lost` or `ended` when the lock is not ours, `doubtful` while it is not known what a save has come to.
    public func memory() throws(HoldError) -> HeldBody? {
        keeper.loop.checkIsolated()
        if let end { throw end }
        return try keeper.book.memory(id)
    }

    /// The value of `read()`, decoded once per change.
    ///
    /// - Throws: as `read`.
    public func value() throws(HoldError) -> Value? {
        let body = try read()
        if let decoded, decoded.edition == edition { return decoded.value }
        let value = body?.body.value
        decoded = (edition, value)
        return value
    }

    /// Whether `read` would answer.
    public var isSure: Bool { (try? sureEdition()) != nil }

    /// Whether everything that was changed is on the disk.
    public var isSaved: Bool {
        keeper.loop.checkIsolated()
        return keeper.book.find(id).map { keeper.book.tenures[$0].saves.isEmpty } ?? true
    }

    /// The newest version that is known to be on the disk; `nil` when there is no document.
    public var savedVersion: Int64? {
        keeper.loop.checkIsolated()
        guard let place = keeper.book.find(id), keeper.book.tenures[place].saved != nil else { return nil }
        return keeper.book.tenures[place].savedVersion
    }

    /// The edition of what `read` would answer.
    func sureEdition() throws(HoldError) -> UInt64 {
        loop.checkIsolated()
        guard loop.readClock() < cell.readableUntil else { throw end ?? keeper.book.unreadable(id) }
        return cell.edition
    }

    /// Rises with every change of what is in memory: for whoever keeps something that is made from it.
    public var edition: UInt64 {
        keeper.loop.checkIsolated()
        return keeper.book.find(id).map { keeper.book.tenures[$0].edition } ?? .max
    }

    // MARK: Changing

    /// Changes the document. `then` is told once, on this loop, when that is on the disk, or will not be.
    ///
    /// - Throws: why nothing was changed; `then` is not called.
    public func set(
        _ body: DocumentBody,
        notes: DocumentNotes = .none,
        events: [FeedEvent] = [],
        then: @escaping (Result<HoldSaved, HoldError>) -> Void = { _ in }
    ) throws(HoldError) {
        let change = HeldChange(self, to: HeldBody(body, notes: notes))
        try keeper.commit([change], HeldCommit(events: events), then: then)
    }

    /// Changes the document by what it is in memory. The transform runs once, now; `nil` leaves it as it is, and then `then`
    /// is not called.
    ///
    /// - Throws: why nothing was changed; `then` is not called.
    public func update(
        _ transform: (HeldBody?) throws(HoldError) -> HeldBody?,
        then: @escaping (Result<HoldSaved, HoldError>) -> Void = { _ in }
    ) throws(HoldError) {
        guard let after = try transform(try memory()) else { return }
        try keeper.commit([HeldChange(self, to: after)], then: then)
    }

    /// Removes the document. It is kept as a version.
    ///
    /// - Throws: why nothing was changed; `then` is not called.
    public func remove(then: @escaping (Result<HoldSaved, HoldError>) -> Void = { _ in }) throws(HoldError) {
        try keeper.commit([HeldChange(self, to: nil)], then: then)
    }

    /// Saves what is not saved and lets the lock go. `then` is called when that is done, or when there is no lock any more.
    /// What became of each change, its own `then` tells.
    public func release(then: @escaping () -> Void = {}) {
        if end == nil { end = .ended }
        // Also when the release is part of a round under way, and done a little later.
        cell.readableUntil = MonotonicTime(nanoseconds: .min)
        keeper.release(id, then: then)
    }

    func ended(_ end: HoldEnd) {
        switch end {
        case .lost(let holder): self.end = .lost(to: holder)
        case .handedOver, .closing: self.end = .ended
        }
    }
}
