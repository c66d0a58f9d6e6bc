import Base
import Wire

@testable import Store

/// A few books over one store that answers at once, in time that is turned by hand.
final class BookTable {
    static let start = MonotonicTime(nanoseconds: 1_000_000_000_000)

    /// A book, and what it said.
    final class Seat {
        var book: LockBook
        /// What it wanted to be known, newest last.
        var told: [LockBook.Effect] = []
        var saved: [Int: Result<HoldSaved, HoldError>] = [:]
        /// It stands still, and hears nothing.
        var isFrozen = false
        /// What the writer says instead of doing what it is asked.
        var fault: StoreFault?
        /// The writer does what it is asked, and says this.
        var falseFault: StoreFault?
        var readFault: StoreFault?
        /// How often the writer was asked for something, by moment.
        var renewals: [MonotonicTime: Int] = [:]
        var writes: [Transaction] = []

        init(_ number: Int, _ limits: Limits.Store) {
            book = LockBook(
                owner: owner(UInt128(number)),
                name: "owner \(number)",
                limits: limits,
                start: BookTable.start,
                seed: UInt64(number)
            )
        }

        var wishes: Int { told.count { if case .wanted = $0 { true } else { false } } }

        var ends: [HoldEnd] { told.compactMap { if case .ended(_, let end) = $0 { end } else { nil } } }

        func isOpen(_ id: LockBook.TenureID) -> Bool {
            told.contains { if case .opened(id) = $0 { true } else { false } }
        }

        func refusal(_ id: LockBook.TenureID) -> HoldError? {
            for case .notOpened(id, let error) in told { return error }
            return nil
        }
    }

    var now = BookTable.start
    /// How much the store's clock was set by.
    var jumped = Duration.zero
    let seats: [Seat]
    let limits: Limits.Store
    private let shelf = MemoryEngine.Shelf()
    private let engine: MemoryEngine
    private let reader: MemoryReader

    init(_ count: Int, _ change: (inout Limits.Store) -> Void = { _ in }) {
        var limits = Limits.Store()
        change(&limits)
        self.limits = limits
        engine = MemoryEngine(shelf)
        reader = MemoryReader(shelf, limits)
        seats = (1...count).map { Seat($0, limits) }
    }

    subscript(index: Int) -> Seat { seats[index] }

    var wall: WallTime { noon + (now - Self.start) + jumped }

    func run(_ command: Command) -> Answer {
        guard let answer = try? engine.run([command], at: wall).first else { preconditionFailure("memory never fails") }
        return answer
    }

    func value(_ key: DocumentKey) -> Value? {
        guard case .documents(let found)? = try? reader.run([.documents([key])], at: wall).first else { return nil }
        return found.first??.body.value
    }

    // MARK: Doing

    func open(
        _ key: DocumentKey,
        _ seat: Int = 0,
        patience: Duration = .seconds(20),
        handover: Duration? = .seconds(1)
    ) throws -> LockBook.TenureID {
        let opening = LockBook.Opening(key: key, patience: patience, handover: handover)
        let id = try seats[seat].book.open(opening, wall: wall, at: now)
        settle()
        return id
    }

    @discardableResult
    func set(_ key: DocumentKey, _ id: LockBook.TenureID, _ value: Value?, _ seat: Int = 0) throws -> Int {
        let after = try value.map { HeldBody(try body($0)) }
        return try change([.init(tenure: id, key: key, after: after)], seat)
    }

    func change(_ parts: [LockBook.Part], _ seat: Int = 0, outcome: OutcomeRow? = nil) throws -> Int {
        let ticket = try seats[seat].book.change(.init(parts: parts, outcome: outcome), at: now)
        settle()
        return ticket
    }

    func release(_ id: LockBook.TenureID, _ seat: Int = 0) throws {
        try seats[seat].book.release(id, at: now)
        settle()
    }

    /// Does what all want, until nobody wants anything.
    func settle() {
        var isQuiet = false
        while !isQuiet {
            isQuiet = true
            for seat in seats where !seat.isFrozen {
                for effect in seat.book.takeEffects() {
                    isQuiet = false
                    perform(effect, seat)
                }
            }
        }
    }

    private func perform(_ effect: LockBook.Effect, _ seat: Seat) {
        switch effect {
        case .ask(let command, _, let question):
            if case .renewal = question { seat.renewals[now, default: 0] += 1 }
            if let fault = seat.fault { return seat.book.answered(question, StoreResult.failure(fault), at: now) }
            if case .transaction(let transaction) = command { seat.writes.append(transaction) }
            let answer = run(command)
            if let fault = seat.falseFault { return seat.book.answered(question, StoreResult.failure(fault), at: now) }
            seat.book.answered(question, .success(answer), at: now)
        case .read(let keys, let question):
            if let fault = seat.readFault { return seat.book.answered(question, ReadResult.failure(fault), at: now) }
            guard let reading = try? reader.run([.documents(keys)], at: wall).first else { return }
            seat.book.answered(question, ReadResult.success(reading), at: now)
        case .saved(let ticket, let result): seat.saved[ticket] = result
        default: seat.told.append(effect)
        }
    }

    /// Lets time pass.
    func pass(_ time: Duration, while isTrue: () -> Bool = { true }) {
        let end = now + time
        settle()
        while now < end, isTrue() {
            var next = end
            for seat in seats where !seat.isFrozen { next = min(next, seat.book.nextMoment ?? .never) }
            now = max(now, next)
            for seat in seats where !seat.isFrozen {
                if let moment = seat.book.nextMoment, moment <= now { seat.book.passed(to: now) }
            }
            settle()
        }
    }

    func read(_ id: LockBook.TenureID, _ seat: Int = 0) throws(HoldError) -> Value? {
        try seats[seat].book.read(id, at: now)?.body.value
    }
}
