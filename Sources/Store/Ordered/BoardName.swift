public import Base

/// Which board: a store and a scope, as documents have them, whose keys are the members.
public struct BoardName: Hashable, Sendable {
    /// `store␟scope␟`, with which all of its keys begin.
    let prefix: [UInt8]

    /// Names a board.
    ///
    /// - Throws: `StoreRefusal.badName`, as a key does.
    public init(
        _ store: String,
        scope: String = DocumentKey.globalScope,
        limits: Limits.Store = Limits.Store()
    ) throws(StoreRefusal) {
        prefix = try KeyRange(store, scope: scope, limits: limits).prefix
    }

    /// Names a board of ours. Its store's name begins with `~`.
    package init(hidden store: String, scope: String = DocumentKey.globalScope) throws(StoreRefusal) {
        prefix = try KeyRange(hidden: store, scope: scope).prefix
    }

    /// The board of a score.
    init?(of key: DocumentKey) {
        guard let end = key.packed.lastIndex(of: DocumentKey.separator) else { return nil }
        prefix = Array(key.packed[...end])
    }

    /// The place of a member's score.
    ///
    /// - Throws: `badName`.
    func key(_ member: String, _ limits: Limits.Store) throws(StoreRefusal) -> DocumentKey {
        try NameFlaw.check(member, charactersMax: limits.nameCharactersMax)
        return DocumentKey(packed: prefix + Array(member.utf8))
    }

    /// The first bytes behind all of its keys.
    var end: [UInt8] { prefix.dropLast() + [DocumentKey.separator + 1] }
}

extension BoardName {
    /// Takes the bytes in one go, as keys do.
    public func hash(into hasher: inout Hasher) { unsafe prefix.withUnsafeBytes { unsafe hasher.combine(bytes: $0) } }
}
