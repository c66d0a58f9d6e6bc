/// What other tools along a trace want to be handed on (`tracestate` of the W3C, level 2): read strictly, written as it came.
///
/// We put nothing of ours into it. A state that is malformed is dropped whole, and the trace goes on without it.
public struct TraceState: Hashable, Sendable {
    /// The list as it is written in one field.
    public let text: String

    /// How many members a list has at most.
    public static let membersMax = 32
    /// How many bytes of members are handed on. The W3C asks for 512 at least; a text this long is read at all.
    public static let bytesMax = 512

    /// Reads the values of all fields of this name, in their order, as if they stood in one.
    ///
    /// Longer lists than `bytesMax` lose members as the W3C says: those over 128 bytes first, then those at the end.
    ///
    /// - Returns: `nil` when the list is empty, malformed or has more than 32 members.
    public init?(_ fields: [String]) {
        guard fields.reduce(0, { $0 + $1.utf8.count }) <= 16 * Self.bytesMax else { return nil }
        var members: [Substring] = []
        var keys: Set<Substring> = []
        for field in fields {
            for item in field.split(separator: ",", omittingEmptySubsequences: false) {
                let member = Self.trimmed(item)
                if member.isEmpty { continue }
                guard let key = Self.key(of: member) else { return nil }
                // The first of two members with one key is the younger one: each tool writes to the left.
                if keys.insert(key).inserted { members.append(member) }
            }
        }
        guard !members.isEmpty, members.count <= Self.membersMax else { return nil }
        func length() -> Int { members.reduce(members.count - 1) { $0 + $1.utf8.count } }
        while length() > Self.bytesMax, let long = members.lastIndex(where: { $0.utf8.count > 128 }) {
            members.remove(at: long)
        }
        while length() > Self.bytesMax { members.removeLast() }
        guard !members.isEmpty else { return nil }
        text = members.joined(separator: ",")
    }

    /// Space and tab around a member mean nothing.
    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while let first = text.utf8.first, first == 0x20 || first == 0x09 { text.removeFirst() }
        while let last = text.utf8.last, last == 0x20 || last == 0x09 { text.removeLast() }
        return text
    }

    /// The key of a member that is well formed; `nil` for another.
    private static func key(of member: Substring) -> Substring? {
        guard let equals = member.firstIndex(of: "=") else { return nil }
        let key = member[..<equals]
        let value = member[member.index(after: equals)...].utf8
        guard (1...256).contains(value.count), value.last != 0x20, value.allSatisfy(isOfValue) else { return nil }
        guard let first = key.utf8.first, key.utf8.count <= 256, isFirstOfKey(first), key.utf8.allSatisfy(isOfKey)
        else { return nil }
        return key
    }

    private static func isFirstOfKey(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: false
        }
    }

    private static func isOfKey(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "*"), UInt8(ascii: "/"), UInt8(ascii: "@"): true
        default: isFirstOfKey(byte)
        }
    }

    private static func isOfValue(_ byte: UInt8) -> Bool {
        byte >= 0x20 && byte <= 0x7E && byte != UInt8(ascii: ",") && byte != UInt8(ascii: "=")
    }
}

/// What a request says of its trace, read by the rules of the W3C: a state counts only beside a parent that is in order.
public struct TraceOrigin: Sendable {
    /// The caller's place; `nil` begins a new trace.
    public let caller: TraceContext?
    /// What is handed on with it.
    public let state: TraceState?

    /// Reads the values of all fields named `traceparent` and `tracestate`. Two parents are as good as none.
    public init(parents: [String], states: [String]) {
        guard parents.count == 1, let text = parents.first else {
            caller = nil
            state = nil
            return
        }
        var bytes = ByteBuffer(capacity: text.utf8.count)
        bytes.append(utf8: text)
        caller = TraceContext(traceparent: bytes.bytes)
        state = caller == nil ? nil : TraceState(states)
    }
}
