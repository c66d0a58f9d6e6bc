/// The state of one open object or array, kept by whoever reads or writes it.
///
/// Readers hold no stack, so opening a container never allocates. `beginObject` and `beginArray` hand out a scope, the
/// calls for the next key or element take it back, and it ends with its container.
public struct WireScope: Sendable {
    /// Entries to come; negative where the format does not say.
    @usableFromInline var left: Int
    /// What the format has to remember: the end around a message, where a header waits to be patched, a field number.
    @usableFromInline var mark: Int

    @inlinable init(left: Int, mark: Int = 0) {
        self.left = left
        self.mark = mark
    }

    /// How many entries are still to come, where the format says it in advance. The reader has checked that the bytes
    /// that are left could hold as many, so it is safe to reserve room for them.
    @inlinable public var count: Int? { left >= 0 ? left : nil }

    /// Nothing was read from this container yet, and the format marks its end behind the last entry.
    @inlinable static var first: Int { -1 }
    /// As `first`, after the first entry.
    @inlinable static var later: Int { -2 }
}
