public import Base

/// Where a document, a lock or a score stands: a store, a scope within it, and a key within that.
///
/// Names are 1 to `Limits.Store.nameCharactersMax` characters of UTF-8 without control characters, and compared byte by
/// byte. They are kept as one run of bytes with separators that no name can hold, which is also how engines store and
/// sort them: all keys of a scope, and all keys with a prefix, lie side by side.
public struct DocumentKey: Hashable, Sendable {
    /// The scope of keys that were given none.
    public static let globalScope = "global"

    /// Stands between the parts: the unit separator, a control character.
    static let separator: UInt8 = 0x1F
    /// Begins the name of a store that is not the game's but ours: accounts, cursors.
    static let hiddenMark = UInt8(ascii: "~")

    /// `store␟scope␟key`, UTF-8.
    let packed: [UInt8]

    /// Names a place.
    ///
    /// - Throws: `StoreRefusal.badName` for a part that is empty, too long or has a character that names may not have,
    ///   and for a store that begins with `~`, because those are not the game's.
    public init(
        _ store: String,
        scope: String = globalScope,
        _ key: String,
        limits: Limits.Store = Limits.Store()
    ) throws(StoreRefusal) {
        guard store.utf8.first != Self.hiddenMark else { throw .badName(.reserved) }
        packed = try Self.pack([store, scope, key], limits)
    }

    /// Names a place in a store of ours. Its name begins with `~`.
    package init(hidden store: String, scope: String = globalScope, _ key: String) throws(StoreRefusal) {
        precondition(store.utf8.first == Self.hiddenMark, "a hidden store begins with ~")
        packed = try Self.pack([store, scope, key], Limits.Store())
    }

    /// Takes what an engine has stored.
    init(packed: [UInt8]) { self.packed = packed }

    /// The store's name.
    public var store: String { part(0) }
    /// The scope.
    public var scope: String { part(1) }
    /// The key within the scope.
    public var key: String { part(2) }

    /// Whether it stands in a store of ours.
    var isHidden: Bool { packed.first == Self.hiddenMark }

    /// About how many bytes it takes in memory.
    var byteCount: Int { packed.count + 32 }

    private func part(_ index: Int) -> String {
        let parts = packed.split(separator: Self.separator, omittingEmptySubsequences: false)
        return parts.indices.contains(index) ? String(decoding: parts[index], as: UTF8.self) : ""
    }

    /// Joins names to one run of bytes.
    static func pack(_ names: [String], _ limits: Limits.Store) throws(StoreRefusal) -> [UInt8] {
        var packed: [UInt8] = []
        packed.reserveCapacity(names.reduce(names.count) { $0 + $1.utf8.count })
        for (index, name) in names.enumerated() {
            if index > 0 { packed.append(separator) }
            try NameFlaw.check(name, charactersMax: limits.nameCharactersMax)
            packed.append(contentsOf: name.utf8)
        }
        return packed
    }
}

extension DocumentKey {
    /// Takes the bytes in one go; an array would take them one by one, and keys are hashed some ten times per write.
    public func hash(into hasher: inout Hasher) { unsafe packed.withUnsafeBytes { unsafe hasher.combine(bytes: $0) } }
}

extension DocumentKey: Comparable {
    /// Orders by the bytes, part by part.
    public static func < (left: Self, right: Self) -> Bool { left.packed.lexicographicallyPrecedes(right.packed) }
}

extension DocumentKey: CustomStringConvertible {
    /// `store/scope/key`, for logs.
    public var description: String {
        String(decoding: packed.map { $0 == Self.separator ? UInt8(ascii: "/") : $0 }, as: UTF8.self)
    }
}

/// A part of a store: one scope, or the keys of a scope that begin alike.
public struct KeyRange: Hashable, Sendable {
    /// The bytes with which all keys of the range begin.
    let prefix: [UInt8]

    /// The keys of a scope, or those of them that begin with `prefix`.
    ///
    /// - Throws: `StoreRefusal.badName`, as a key does; the prefix may be empty.
    public init(
        _ store: String,
        scope: String = DocumentKey.globalScope,
        prefix: String = "",
        limits: Limits.Store = Limits.Store()
    ) throws(StoreRefusal) {
        guard store.utf8.first != DocumentKey.hiddenMark else { throw .badName(.reserved) }
        try self.init(any: store, scope: scope, prefix: prefix, limits)
    }

    /// The keys of a scope of a store of ours.
    package init(hidden store: String, scope: String = DocumentKey.globalScope, prefix: String = "")
        throws(StoreRefusal)
    {
        precondition(store.utf8.first == DocumentKey.hiddenMark, "a hidden store begins with ~")
        try self.init(any: store, scope: scope, prefix: prefix, Limits.Store())
    }

    private init(any store: String, scope: String, prefix: String, _ limits: Limits.Store) throws(StoreRefusal) {
        var packed = try DocumentKey.pack([store, scope], limits)
        packed.append(DocumentKey.separator)
        if !prefix.isEmpty { try NameFlaw.check(prefix, charactersMax: limits.nameCharactersMax) }
        packed.append(contentsOf: prefix.utf8)
        self.prefix = packed
    }

    /// A key, and all that begin with it.
    init(from key: DocumentKey) { prefix = key.packed }

    /// The first bytes behind the range: what an engine compares with.
    var end: [UInt8] {
        var end = prefix
        // UTF-8 has no byte 0xFF, and a prefix ends in a separator or a character.
        while let last = end.popLast() {
            if last < 0xFF { return end + [last + 1] }
        }
        return [0xFF]
    }
}

/// What is wrong with a name.
public enum NameFlaw: Hashable, Sendable {
    /// It has no character.
    case empty
    /// It has more characters than names may have.
    case tooLong(charactersMax: Int)
    /// It has a control character.
    case controlCharacter
    /// It is not UTF-8.
    case notUTF8
    /// It begins with `~`, as the store's own names do.
    case reserved

    static func check(_ name: String, charactersMax: Int) throws(StoreRefusal) {
        guard !name.isEmpty else { throw .badName(.empty) }
        var characters = 0
        var before: UInt8 = 0
        for byte in name.utf8 {
            if byte & 0xC0 != 0x80 { characters += 1 }
            // C0, delete, and C1, which UTF-8 writes as C2 80 to C2 9F.
            let isControl = byte < 0x20 || byte == 0x7F || before == 0xC2 && byte < 0xA0
            if isControl { throw .badName(.controlCharacter) }
            before = byte
        }
        guard characters <= charactersMax else { throw .badName(.tooLong(charactersMax: charactersMax)) }
    }

    /// Reads a name whose bytes somebody else has chosen.
    ///
    /// - Throws: `StoreRefusal.badName`.
    public static func name(_ bytes: RawSpan, charactersMax: Int) throws(StoreRefusal) -> String {
        guard UTF8Validator.isValid(bytes) else { throw .badName(.notUTF8) }
        let text = unsafe bytes.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
        try check(text, charactersMax: charactersMax)
        return text
    }
}
