/// A place in a message to which a reader can go back: what lets keys come in any order without copying a value.
///
/// It is worth something only to the reader that made it, or to a copy of that reader.
public struct WireBookmark: Sendable {
    @usableFromInline let at: Int
    @usableFromInline let end: Int
    @usableFromInline let depth: Int
    /// What a format has to remember beside it: how the value that stands next is written.
    @usableFromInline let state: UInt64

    @inlinable init(at: Int, end: Int, depth: Int, state: UInt64 = 0) {
        self.at = at
        self.end = end
        self.depth = depth
        self.state = state
    }
}

extension WireInput {
    @inlinable @inline(__always) func bookmark(state: UInt64 = 0) -> WireBookmark {
        WireBookmark(at: at, end: end, depth: depth, state: state)
    }

    /// Goes back to a place that this input had itself, so that it lies within the message.
    @inlinable @inline(__always) mutating func go(to bookmark: WireBookmark) {
        at = bookmark.at
        end = bookmark.end
        depth = bookmark.depth
    }
}

extension JSONReader {
    /// Where the reader stands.
    @inlinable public var bookmark: WireBookmark { input.bookmark() }

    /// Goes to a place where this reader stood.
    @inlinable public mutating func go(to bookmark: WireBookmark) { input.go(to: bookmark) }
}

extension MessagePackReader {
    /// Where the reader stands.
    @inlinable public var bookmark: WireBookmark { input.bookmark() }

    /// Goes to a place where this reader stood.
    @inlinable public mutating func go(to bookmark: WireBookmark) { input.go(to: bookmark) }
}

extension CBORReader {
    /// Where the reader stands.
    @inlinable public var bookmark: WireBookmark { input.bookmark() }

    /// Goes to a place where this reader stood.
    @inlinable public mutating func go(to bookmark: WireBookmark) { input.go(to: bookmark) }
}

extension ProtobufReader {
    /// Where the reader stands, and which field's value comes next.
    @inlinable public var bookmark: WireBookmark {
        input.bookmark(state: UInt64(field) << 3 | UInt64(wireType.rawValue))
    }

    /// Goes to a place where this reader stood.
    @inlinable public mutating func go(to bookmark: WireBookmark) {
        input.go(to: bookmark)
        field = UInt32(truncatingIfNeeded: bookmark.state >> 3)
        wireType = WireType(rawValue: UInt8(truncatingIfNeeded: bookmark.state & 7)) ?? .length
    }
}
