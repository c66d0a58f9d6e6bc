import Base
import Reactor

// For callers that may wait, on the keeper's loop: async handlers, and actors that live on it.
extension LockKeeper {
    /// Opens a lock and the document under it.
    ///
    /// - Throws: why it is not open. That says nothing of the document.
    public func open(_ key: DocumentKey, _ options: HoldOptions = HoldOptions()) async throws(HoldError) -> HeldDocument
    {
        let result: Result<HeldDocument, HoldError> = await withCheckedContinuation { continuation in
            do throws(HoldError) {
                try open(key, options) { continuation.resume(returning: $0) }
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
        return try result.get()
    }

    /// Opens a lock, does something under it, and lets it go, after saving, however that ends.
    ///
    /// - Throws: why it is not open, or what the closure throws.
    public func hold<Result>(
        _ key: DocumentKey,
        _ options: HoldOptions = HoldOptions(),
        _ body: (HeldDocument) async throws -> Result
    ) async throws -> Result {
        let held = try await open(key, options)
        do {
            let result = try await body(held)
            await held.release()
            return result
        } catch {
            await held.release()
            throw error
        }
    }

    /// Commits changes and waits until they are on the disk.
    ///
    /// - Throws: why they are not, or why that is not known.
    @discardableResult
    public func commit(_ changes: [HeldChange], _ more: HeldCommit = HeldCommit()) async throws(HoldError) -> HoldSaved
    {
        let result: Result<HoldSaved, HoldError> = await withCheckedContinuation { continuation in
            do throws(HoldError) {
                try commit(changes, more) { continuation.resume(returning: $0) }
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
        return try result.get()
    }
}

extension HeldDocument {
    /// Changes the document and waits until that is on the disk.
    ///
    /// - Throws: why it is not, or why that is not known.
    @discardableResult
    public func save(_ body: DocumentBody, notes: DocumentNotes = .none) async throws(HoldError) -> HoldSaved {
        try await keeper.commit([HeldChange(self, to: HeldBody(body, notes: notes))])
    }

    /// Lets the lock go, after saving, and waits for that.
    public func release() async {
        await withCheckedContinuation { (done: CheckedContinuation<Void, Never>) in release { done.resume() } }
    }
}
