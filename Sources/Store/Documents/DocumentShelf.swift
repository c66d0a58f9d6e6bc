import Base
import Wire

/// A store and scope whose documents are values of one type of the game's, without saying in which store of which server:
/// a game names its shelves once.
///
/// ```swift
/// static let bags = Shelf<Bag>("bags")
/// let bag = try await server.store[bags].get("ann")
/// ```
public struct Shelf<Content: Codable & Sendable>: Sendable {
    /// The store's name.
    public let name: String
    /// The scope within it.
    public let scope: String

    /// Names a shelf. A name that cannot be one is a mistake in the game's own text, and ends the process at its start;
    /// where it comes from elsewhere use `Store.shelf`.
    public init(_ name: String, scope: String = DocumentKey.globalScope) {
        precondition((try? DocumentKey(name, scope: scope, "any")) != nil, "\(name) in \(scope) is the name of a shelf")
        self.init(named: name, scope)
    }

    fileprivate init(named name: String, _ scope: String) {
        self.name = name
        self.scope = scope
    }
}

/// The documents of one store and scope as values of one type of the game's.
///
/// ```
/// struct Bag: Codable, Sendable { var gold = 0; var items: [String] = [] }
/// let bags = store[Shelf<Bag>("bags")]
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
    let shelf: Shelf<Content>

    init(_ store: Store, _ shelf: Shelf<Content>) {
        self.store = store
        self.shelf = shelf
    }

    /// The place of a document, for whatever the shelf does not do itself.
    ///
    /// - Throws: `badName`.
    public func key(_ key: String) throws(StoreRefusal) -> DocumentKey {
        try DocumentKey(shelf.name, scope: shelf.scope, key, limits: store.limits)
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
        var options = WriteOptions()
        options.expected = expected
        options.fence = fence
        return try await set(key, to: content, options)
    }

    /// The same, with everything that can be said of a write.
    ///
    /// - Returns: the new version.
    /// - Throws: the store's refusal, or why there is no decision.
    @discardableResult
    public func set(_ key: String, to content: Content, _ options: WriteOptions) async throws(StoreError) -> Int64 {
        try await written(try place(key), .set(try body(content)), options).version
    }

    /// Changes a document by what it is. The transform may run several times; `nil` leaves the document as it is, and so
    /// does whatever it throws.
    ///
    /// - Returns: the new version; `nil` when the transform wanted no change.
    /// - Throws: as `Store.update`, `badBody(.otherShape)`, or what the transform throws.
    @discardableResult
    public func update(
        _ key: String,
        fence: Fence? = nil,
        _ transform: (Content?) throws -> Content?
    ) async throws -> Int64? {
        var cause: (any Error)?
        let place = try place(key)
        let version = try await store.update(place, fence: fence) { (document) throws(StoreError) -> DocumentChange? in
            let before: Content? = if let document { try Self.content(document) } else { nil }
            let after: Content?
            do { after = try transform(before) } catch {
                cause = error
                return nil
            }
            guard let after else { return nil }
            return DocumentChange(.set(try body(after)), notes: document?.notes ?? .none)
        }
        if let cause { throw cause }
        return version
    }

    /// Removes a document. It is kept as a version.
    ///
    /// - Throws: the store's refusal, or why there is no decision.
    public func remove(_ key: String, fence: Fence? = nil) async throws(StoreError) {
        _ = try await store.perform(.write(Write(try place(key), .remove, fence: fence)))
    }

    // MARK: Parts

    func written(
        _ place: DocumentKey,
        _ change: Write.Change,
        _ options: WriteOptions
    ) async throws(StoreError) -> Receipt.Written {
        let write = Write(
            place,
            change,
            expected: options.expected,
            fence: options.fence,
            notes: options.notes,
            lifetime: options.lasting.map { .until(store.now.adding($0)) } ?? .unchanged
        )
        guard case .written(let receipt) = try await store.perform(.write(write)), let written = receipt.writes.first
        else { preconditionFailure("a write was asked for") }
        return written
    }

    package func place(_ key: String) throws(StoreError) -> DocumentKey {
        do throws(StoreRefusal) { return try self.key(key) } catch { throw .refused(error) }
    }

    package func body(_ content: Content) throws(StoreError) -> DocumentBody {
        let value: Value
        do { value = try ValueEncoder().encode(content) } catch { throw .refused(.badBody(.unwritable)) }
        do throws(StoreRefusal) {
            return try DocumentBody(value, limits: store.limits)
        } catch {
            throw .refused(error)
        }
    }

    package static func content(_ document: Document) throws(StoreError) -> Content {
        guard let value = document.body.value else { throw .failed(.away(.damaged, retryAfter: .zero)) }
        do {
            return try ValueDecoder().decode(Content.self, from: value)
        } catch {
            throw .refused(.badBody(.otherShape))
        }
    }
}

/// What can be said of a write beside the value.
public struct WriteOptions: Sendable {
    /// What the document must be now.
    public var expected = Write.Expectation.any
    /// The lock under which it is written.
    public var fence: Fence?
    /// What is written beside it. It replaces what was there.
    public var notes = DocumentNotes.none
    /// How long the document lives from now on; then it is as if removed. Without it nothing changes.
    public var lasting: Duration?

    /// A write whatever there was.
    public init() {}
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
        return DocumentShelf(self, Shelf(named: name, scope))
    }

    /// The documents of a shelf that the game has named.
    public subscript<Content>(_ shelf: Shelf<Content>) -> DocumentShelf<Content> { DocumentShelf(self, shelf) }
}
