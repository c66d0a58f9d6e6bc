import Base
import Wire

/// Reads the members of small JSON objects, as keys and tokens have them, and finds a name that is there twice.
///
/// Two parsers that choose differently between two members of one name can be played against each other (RFC 8725 §2.6),
/// so a second one is refused, also among those that are ignored.
struct JSONMembers: ~Copyable {
    /// Headers and claims have about ten members. Whoever needs more is not talking to us.
    static let membersMax = 64

    private var names: [[UInt8]] = []

    /// Notes a member's name.
    ///
    /// - Returns: whether it is the first of its name and there are not too many.
    mutating func note(_ name: WireSlice) -> Bool {
        let name = name.array()
        guard names.count < Self.membersMax, !names.contains(name) else { return false }
        names.append(name)
        return true
    }
}

extension JSONReader {
    /// Reads a whole text that is one object, calling `body` for each member; `body` reads its value.
    ///
    /// - Returns: `false` when it is anything else, has a member twice, or `body` said `false`.
    static func members(
        of bytes: RawSpan,
        _ body: (borrowing WireSlice, inout JSONReader) throws(WireError) -> Bool
    ) -> Bool {
        var reader = JSONReader(bytes)
        do throws(WireError) {
            guard try reader.members(body) else { return false }
            try reader.finish()
            return true
        } catch {
            return false
        }
    }

    /// Reads an object that stands next.
    mutating func members(
        _ body: (borrowing WireSlice, inout JSONReader) throws(WireError) -> Bool
    ) throws(WireError) -> Bool {
        var scope = try beginObject()
        var seen = JSONMembers()
        while let key = try nextKey(in: &scope) {
            guard seen.note(key.text), try body(key.text, &self) else { return false }
        }
        return true
    }

    /// Reads an array of texts.
    mutating func texts(max: Int) throws(WireError) -> [String]? {
        var scope = try beginArray()
        var texts: [String] = []
        while try nextElement(in: &scope) {
            guard texts.count < max else { return nil }
            texts.append(try string())
        }
        return texts
    }

    /// Reads a NumericDate (RFC 7519): seconds since 1970, possibly with a fraction, within ± 10,000 years.
    mutating func date() throws(WireError) -> WallTime? {
        let seconds = try double()
        guard seconds.magnitude < 9_000_000_000 else { return nil }
        return WallTime(nanoseconds: Int64((seconds * 1e9).rounded(.down)))
    }
}
