import Base
public import Contracts
public import Store
import Wire

// What a handler saves. In a call with a key the answer is saved with it, so that sending the call again, to this process or
// the next one, changes nothing and is answered the same.
extension Caller {
    /// What outlives the process: documents, locks, scores and the feed.
    public var store: Store { desk.gate.store }

    /// Changes the player's own document on a shelf, and answers the call with what the closure returns.
    ///
    /// The closure gets the document, or what `new` makes where there is none. It may run several times, when somebody else
    /// wrote in between, so it has no effect of its own. What it throws leaves everything as it is.
    ///
    /// - Throws: what the closure throws, or why it could not be saved.
    public func update<Content, Answer: Message>(
        _ shelf: Shelf<Content>,
        orNew new: @autoclosure () -> Content,
        _ transform: (inout Content) throws -> Answer
    ) async throws -> Answer {
        try await update(shelf, "\(player)", orNew: new(), transform)
    }

    /// The same with a document of any key.
    ///
    /// - Throws: what the closure throws, or why it could not be saved.
    public func update<Content, Answer: Message>(
        _ shelf: Shelf<Content>,
        _ key: String,
        orNew new: @autoclosure () -> Content,
        _ transform: (inout Content) throws -> Answer
    ) async throws -> Answer {
        let documents = store[shelf]
        let place = try documents.place(key)
        var tries = 0
        while true {
            let before = try await store.document(place, in: trace)
            var content = try before.map(DocumentShelf<Content>.content) ?? new()
            let answer = try transform(&content)
            let change = DocumentChange(.set(try documents.body(content)), notes: before?.notes ?? .none)
            let write = change.write(place, replacing: before, fence: nil)
            do {
                return try await commit(Transaction([write]), answering: answer)
            } catch StoreError.refused(.conflict(let current)) {
                tries += 1
                guard tries < desk.gate.limits.store.updateTriesMax else {
                    throw StoreError.refused(.conflict(current: current))
                }
            }
        }
    }

    /// Has a transaction made, and gives back the answer: that of the first time where the call has a key and was made before.
    ///
    /// A call makes one such transaction. What is to be done together, such as both halves of a trade, is written into it
    /// together.
    ///
    /// - Throws: why nothing was changed, or that it is not known; then the same call with the same key finds out.
    public func commit<Answer: Message>(
        _ transaction: Transaction,
        answering answer: Answer
    ) async throws -> Answer {
        guard let effect else {
            _ = try await store.perform(.transaction(transaction), in: trace)
            return answer
        }
        guard transaction.outcome == nil else { throw CommitMistake.hasOutcome }
        guard effect.committed == nil else { throw CommitMistake.savedTwice }
        let outcome = StoredOutcome.answered(try bytes(of: answer))
        var transaction = transaction
        transaction.outcome = try effect.claim.row(outcome, at: store.now, desk.gate.limits.outcomes)
        switch try await store.perform(.transaction(transaction), in: trace) {
        case .known(let bytes):
            // Another process, or this one before a crash, has made this call.
            guard let known = StoredOutcome(stored: bytes) else {
                throw StoreError.failed(.away(.damaged, retryAfter: .zero))
            }
            effect.committed = known
            return try self.answer(known) ?? answer
        default:
            effect.committed = outcome
            return answer
        }
    }

    /// The answer in canonical form, if it is one that this call may give: it will be read as that.
    private func bytes<Answer: Message>(of answer: Answer) throws(StoreError) -> [UInt8] {
        var output = ByteBuffer()
        var probe = ByteBuffer()
        do throws(Fault) {
            try MessageCoder<Answer>().encodeCanonical(answer, to: &output)
        } catch {
            throw .refused(.badBody(.otherShape))
        }
        do throws(Refusal) {
            try call.writeResult(canonical: output.bytes, as: .messagePack, to: &probe)
        } catch {
            throw .refused(.badBody(.otherShape))
        }
        return output.array()
    }

    private func answer<Answer: Message>(_ outcome: StoredOutcome) throws(StoreError) -> Answer? {
        guard case .answered(let bytes) = outcome else { return nil }
        do throws(Fault) {
            return try unsafe MessageCoder<Answer>().decodeCanonical(bytes.span.bytes)
        } catch {
            throw .refused(.badBody(.otherShape))
        }
    }
}

/// What a handler does wrong that saves.
enum CommitMistake: Error {
    /// A call with a key has saved twice: of the second effect nobody could say whether it was had. What belongs together is
    /// one transaction.
    case savedTwice
    /// The outcome of a call with a key is made from its answer, and not brought along.
    case hasOutcome
}

extension StoreError: RefusalSource {
    /// What a caller is told; the operator's words stay with the operator.
    public var refusal: Refusal {
        switch self {
        case .refused(let refusal): Refusal(refusal.code, refusal.words)
        case .failed(.unknownOutcome): Refusal(code, "it is not known whether this was saved")
        case .failed(let fault): Refusal(code, "the store is not available", retryAfter: fault.retryAfter)
        }
    }
}

extension StoreRefusal: RefusalSource {
    /// What a caller is told.
    public var refusal: Refusal { StoreError.refused(self).refusal }
}
