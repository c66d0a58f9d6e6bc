import Base
import Wire

/// The documents of one store and scope as values of one type of the game's.
///
/// ```
/// struct Bag: Codable, Sendable { var gold = 0; var items: [String] = [] }
/// let bags = try store.shelf(of: Bag.self, in: "bags")
/// try await bags.update("ann") { bag in
///     var bag = bag ?? Bag()
///     bag.gold += 10
///     return bag
/// }
/// ```
///
/// A document that does not fit the type is an error and never `nil`, so that no default is saved over it.
public struct DocumentShelf<Content: Codable & Sendable>: Sendable {
    /// The store below.
    public let store: Store
    private let name: String
    private let scope: String

    init(_ store: Store, _ name: String, _ scope: String) {
        self.store = store
        self.name = name
        self.scope = scope
    }

    /// The place of a document, for whatever the shelf does not do itself.
    ///
    /// - Throws: `badName`.
    public func key(_ key: String) throws(StoreRefusal) -> DocumentKey {
        try DocumentKey(name, scope: scope, key, limits: store.limits)
    }

    /// A document; `nil` where there is none.
    ///
    /// - Throws: why it cannot be read, or `badBody(.otherShape)` when it is something else.
    public func get(_ key: String) async throws(StoreError) -> Content? {
        guard let document = try await store.document(try place(key)) else { return nil }
        return try Self.content(document)
    }

    /// Writes a document, whatever it was before, or only if it is still the version that the caller knows.
    ///
    /// - Returns: the new version.
    /// - Throws: the store's refusal, or why there is no decision.
    @discardableResult
    public func set(
        _ key: String,
        to content: Content,
        expecting expected: Write.Expectation = .any,
        fence: Fence? = nil
    ) async throws(StoreError) -> Int64 {
        let write = Write(try place(key), .set(try body(content)), expected: expected, fence: fence)
        guard case .written(let receipt) = try await store.perform(.write(write)), let written = receipt.writes.first
        else { preconditionFailure("a write was asked for") }
        return written.version
    }

    /// Changes a document by what it is. The transform may run several times; `nil` leaves the document as it is.
    ///
    /// - Returns: the new version; `nil` when the transform wanted no change.
    /// - Throws: as `Store.update`, and `badBody(.otherShape)`.
    @discardableResult
    public func update(
        _ key: String,
        fence: Fence? = nil,
        _ transform: (Content?) throws(StoreError) -> Content?
    ) async throws(StoreError) -> Int64? {
        try await store.update(try place(key), fence: fence) { (document) throws(StoreError) -> DocumentChange? in
            let before: Content? = if let document { try Self.content(document) } else { nil }
            guard let after = try transform(before) else { return nil }
            return DocumentChange(.set(try body(after)), notes: document?.notes ?? .none)
        }
    }

    /// Removes a document. It is kept as a version.
    ///
    /// - Throws: the store's refusal, or why there is no decision.
    public func remove(_ key: String, fence: Fence? = nil) async throws(StoreError) {
        _ = try await store.perform(.write(Write(try place(key), .remove, fence: fence)))
    }

    // MARK: Parts

    private func place(_ key: String) throws(StoreError) -> DocumentKey {
        do throws(StoreRefusal) { return try self.key(key) } catch { throw .refused(error) }
    }

    private func body(_ content: Content) throws(StoreError) -> DocumentBody {
        try Self.body(content, store.limits)
    }

    static func body(_ content: Content, _ limits: Limits.Store) throws(StoreError) -> DocumentBody {
        let value: Value
        do { value = try ValueEncoder().encode(content) } catch { throw .refused(.badBody(.unwritable)) }
        do throws(StoreRefusal) {
            return try DocumentBody(value, limits: limits)
        } catch {
            throw .refused(error)
        }
    }

    private static func content(_ document: Document) throws(StoreError) -> Content { try content(document.body) }

    static func content(_ body: DocumentBody) throws(StoreError) -> Content {
        guard let value = body.value else { throw .failed(.away(.damaged, retryAfter: .zero)) }
        do {
            return try ValueDecoder().decode(Content.self, from: value)
        } catch {
            throw .refused(.badBody(.otherShape))
        }
    }
}

extension Store {
    /// The documents of one store and scope as values of a type.
    ///
    /// - Throws: `badName`.
    public func shelf<Content: Codable & Sendable>(
        of _: Content.Type = Content.self,
        in name: String,
        scope: String = DocumentKey.globalScope
    ) throws(StoreRefusal) -> DocumentShelf<Content> {
        _ = try DocumentKey(name, scope: scope, "any", limits: limits)
        return DocumentShelf(self, name, scope)
    }
}
