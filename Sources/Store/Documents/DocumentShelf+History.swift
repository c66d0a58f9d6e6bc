public import Base

/// A document of a shelf with what stands beside it.
public struct Stored<Content: Sendable>: Sendable {
    /// Its key on the shelf.
    public let key: String
    /// The value.
    public let content: Content
    /// The number of this version.
    public let version: Int64
    /// What was written beside it.
    public let notes: DocumentNotes
    /// When this version was written.
    public let updated: WallTime
    /// When it ends by itself.
    public let expires: WallTime?
}

// What a document was, and the way back to it.
extension DocumentShelf {
    /// A document with what stands beside it; `nil` where there is none.
    ///
    /// - Throws: why it cannot be read, or `badBody(.otherShape)` when it is something else.
    public func document(_ key: String) async throws(StoreError) -> Stored<Content>? {
        try Self.stored(try await store.document(try place(key)))
    }

    /// A document as it was at a version that is still kept; `nil` where it did not exist.
    ///
    /// - Throws: as `document(_:)`.
    public func document(_ key: String, version: Int64) async throws(StoreError) -> Stored<Content>? {
        try await one(.version(try place(key), version))
    }

    /// A document as it was at a moment of the store's clock; `nil` where it did not exist.
    ///
    /// - Throws: as `document(_:)`.
    public func document(_ key: String, at moment: WallTime) async throws(StoreError) -> Stored<Content>? {
        try await one(.moment(try place(key), moment))
    }

    /// Versions of a document that are kept, the newest first, from below a number.
    ///
    /// - Throws: why they cannot be read.
    public func versions(
        of key: String,
        below version: Int64? = nil,
        max: Int = 100
    ) async throws(StoreError) -> [VersionEntry] {
        guard case .versions(let found) = try await store.read(.versions(try place(key), below: version, max: max))
        else { preconditionFailure("versions were asked for") }
        return found
    }

    /// Makes an old version the newest one, with the notes that it had.
    ///
    /// - Returns: the number of the new version.
    /// - Throws: `noSuchVersion` for one that is not kept, and as `set`.
    @discardableResult
    public func restore(
        _ key: String,
        version: Int64,
        _ options: WriteOptions = WriteOptions()
    ) async throws(StoreError) -> Int64 {
        try await written(try place(key), .restore(version: version), options).version
    }

    private func one(_ query: Query) async throws(StoreError) -> Stored<Content>? {
        guard case .document(let found) = try await store.read(query) else {
            preconditionFailure("a document was asked for")
        }
        return try Self.stored(found)
    }

    private static func stored(_ document: Document?) throws(StoreError) -> Stored<Content>? {
        guard let document else { return nil }
        return Stored(
            key: document.key.key,
            content: try content(document),
            version: document.version,
            notes: document.notes,
            updated: document.updated,
            expires: document.expires
        )
    }
}

// Several at once.
extension DocumentShelf {
    /// Documents in the order of their keys; `nil` where there is none.
    ///
    /// - Throws: as `get` of the first that cannot be read.
    public func get(_ keys: [String]) async throws(StoreError) -> [Content?] {
        var places: [DocumentKey] = []
        for key in keys { places.append(try place(key)) }
        var all: [Content?] = []
        while all.count < places.count {
            let asked = Array(places[all.count...].prefix(store.limits.rowsPerPageMax))
            guard case .documents(let found) = try await store.read(.documents(asked)), !found.isEmpty else {
                preconditionFailure("at least the first document is told of")
            }
            for document in found { all.append(try document.map { (it) throws(StoreError) in try Self.content(it) }) }
        }
        return all
    }

    /// A page of the shelf's keys in the order of their bytes, from behind one, those that begin with a prefix.
    ///
    /// - Throws: why they cannot be read.
    public func keys(
        prefix: String = "",
        after key: String? = nil,
        max: Int = 100
    ) async throws(StoreError) -> [String] {
        let range: KeyRange
        do throws(StoreRefusal) {
            range = try KeyRange(shelf.name, scope: shelf.scope, prefix: prefix, limits: store.limits)
        } catch {
            throw .refused(error)
        }
        let last: DocumentKey? = if let key { try place(key) } else { nil }
        guard case .list(let found) = try await store.read(.list(range, after: last, max: max)) else {
            preconditionFailure("a list was asked for")
        }
        return found.map(\.key.key)
    }
}

extension DocumentShelf where Content == Int64 {
    /// Adds to a whole number, without reading it first; a document that does not exist holds 0.
    ///
    /// - Returns: the sum.
    /// - Throws: `notANumber`, `numberOverflow`, and as `set`.
    @discardableResult
    public func increment(
        _ key: String,
        by step: Int64 = 1,
        _ options: WriteOptions = WriteOptions()
    ) async throws(StoreError) -> Int64 {
        guard let sum = try await written(try place(key), .increment(step), options).number else {
            preconditionFailure("an increment was asked for")
        }
        return sum
    }
}
