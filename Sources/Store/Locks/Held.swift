import Base
import Reactor
import Wire

/// A held document as a value of a type of the game's.
///
/// It lives on the keeper's loop, and the lock as long as this. Proof of `@unchecked Sendable`: as for `HeldDocument`,
/// whose entrances it goes through.
public final class Held<Content: Codable & Sendable>: @unchecked Sendable {
    /// The document below.
    public let document: HeldDocument
    private var content: Content?
    private var edition: UInt64

    fileprivate init(_ document: HeldDocument) throws(HoldError) {
        self.document = document
        edition = document.edition
        content = try Self.content(try document.memory())
    }

    /// The document, as `HeldDocument.read` answers; `nil` where there is none.
    ///
    /// - Throws: as `HeldDocument.read`.
    public func read() throws(HoldError) -> Content? { try content(of: try document.sureEdition()) }

    /// The document in memory, as `HeldDocument.memory` answers.
    ///
    /// - Throws: as `HeldDocument.memory`.
    public func memory() throws(HoldError) -> Content? {
        _ = try document.memory()
        return try content(of: document.edition)
    }

    /// Changes the document. What is written beside it stays. `then` is told when that is on the disk, or will not be.
    ///
    /// - Throws: why nothing was changed; `then` is not called.
    public func set(
        _ content: Content,
        events: [FeedEvent] = [],
        then: @escaping (Result<HoldSaved, HoldError>) -> Void = { _ in }
    ) throws(HoldError) {
        let change = try change(to: content)
        let before = document.edition
        try document.keeper.commit([change], HeldCommit(events: events), then: then)
        // It may have been refused and taken back already.
        guard document.edition == before + 1 else { return }
        self.content = content
        edition = before + 1
    }

    /// Changes the document by what it is in memory; `nil` before means that there is none, `nil` after leaves it as it is.
    ///
    /// - Throws: why nothing was changed; `then` is not called.
    public func update(
        _ transform: (Content?) throws(HoldError) -> Content?,
        then: @escaping (Result<HoldSaved, HoldError>) -> Void = { _ in }
    ) throws(HoldError) {
        guard let after = try transform(try memory()) else { return }
        try set(after, then: then)
    }

    /// The change that makes the document this: for a commit of several documents.
    ///
    /// - Throws: what cannot be written, or why there is no lock.
    public func change(to content: Content) throws(HoldError) -> HeldChange {
        let notes = try document.memory()?.notes ?? .none
        let body: DocumentBody
        do throws(StoreError) {
            body = try DocumentShelf<Content>.body(content, document.keeper.store.limits)
        } catch {
            throw HoldError(error)
        }
        return HeldChange(document, to: HeldBody(body, notes: notes))
    }

    /// Saves what is not saved and lets the lock go.
    public func release(then: @escaping () -> Void = {}) { document.release(then: then) }

    /// What was decoded, unless the document has changed since.
    private func content(of edition: UInt64) throws(HoldError) -> Content? {
        if edition != self.edition {
            content = try Self.content(try document.memory())
            self.edition = edition
        }
        return content
    }

    private static func content(_ held: HeldBody?) throws(HoldError) -> Content? {
        guard let held else { return nil }
        do throws(StoreError) { return try DocumentShelf<Content>.content(held.body) } catch { throw HoldError(error) }
    }
}

extension HoldError {
    init(_ error: StoreError) {
        switch error {
        case .refused(let refusal): self = .refused(refusal)
        case .failed(let fault): self = .failed(fault)
        }
    }
}

extension DocumentShelf {
    /// Opens the lock of a document and the document as a value of the type, as `LockKeeper.open` does.
    ///
    /// A document that does not fit the type is let go at once and fails with `badBody(.otherShape)`: no default is ever
    /// saved over it.
    ///
    /// - Throws: why nothing was asked.
    @discardableResult
    public func open(
        _ key: String,
        with keeper: LockKeeper,
        _ options: HoldOptions = HoldOptions(),
        then: @escaping (Result<Held<Content>, HoldError>) -> Void
    ) throws(HoldError) -> LockOpening {
        let place: DocumentKey
        do throws(StoreRefusal) { place = try self.key(key) } catch { throw .refused(error) }
        return try keeper.open(place, options) { result in
            switch result {
            case .failure(let error): then(.failure(error))
            case .success(let document):
                do throws(HoldError) {
                    then(.success(try Held(document)))
                } catch {
                    document.release { then(.failure(error)) }
                }
            }
        }
    }
}
