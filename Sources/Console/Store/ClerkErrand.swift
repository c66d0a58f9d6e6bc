public import Base
public import Store
public import Wire

/// Something that an operator asks of the store, as it travels to the process that has it.
public struct ClerkErrand: Sendable, Equatable {
    /// What is asked.
    public var deed: Deed
    /// The names of a document, or the store and scope of a list.
    public var place = Place()
    /// Which version is read or restored.
    public var version: Int64?
    /// As of which moment it is read.
    public var moment: WallTime?
    /// What the document must be for a change.
    public var expected = Write.Expectation.any
    /// What is put.
    public var value: Value?
    /// With what the keys of a list begin.
    public var prefix = ""
    /// Behind which key, version or lock a list goes on: what `next` said.
    public var after: Value?
    /// Whether a lock is taken from whoever holds it.
    public var steals = false

    /// What may be asked.
    public enum Deed: String, Sendable, CaseIterable {
        case place, get, put, list, versions, restore, remove, locks, check
    }

    /// Names.
    public struct Place: Sendable, Equatable {
        /// The store.
        public var store = ""
        /// The scope.
        public var scope = DocumentKey.globalScope
        /// The key.
        public var key = ""

        /// No names yet.
        public init() {}
    }

    /// Asks for something.
    public init(_ deed: Deed) { self.deed = deed }

    /// As it travels.
    public var object: Value.Object {
        var object: Value.Object = [
            "do": .string(deed.rawValue), "store": .string(place.store), "scope": .string(place.scope),
            "key": .string(place.key), "prefix": .string(prefix), "steal": .bool(steals),
        ]
        if let version { object["version"] = .int(version) }
        if let moment { object["at"] = .int(moment.nanoseconds) }
        switch expected {
        case .any: break
        case .absent: object["expect"] = .string("absent")
        case .version(let version): object["expect"] = .int(version)
        }
        if let value { object["value"] = value }
        if let after { object["after"] = after }
        return object
    }

    /// Reads what has travelled; `nil` when it is none.
    public init?(_ object: Value.Object) {
        guard let deed = object.text("do").flatMap({ Deed(rawValue: $0) }) else { return nil }
        self.init(deed)
        place.store = object.text("store") ?? ""
        place.scope = object.text("scope") ?? DocumentKey.globalScope
        place.key = object.text("key") ?? ""
        prefix = object.text("prefix") ?? ""
        value = object["value"]
        after = object["after"]
        // What is there and is none is refused: passed over, it would answer the newest to who asked for an old one.
        switch object["steal"] {
        case nil: break
        case .bool(let steals)?: self.steals = steals
        default: return nil
        }
        switch object["version"] {
        case nil: break
        case .int(let version)?: self.version = version
        default: return nil
        }
        switch object["at"] {
        case nil: break
        case .int(let nanoseconds)?: moment = WallTime(nanoseconds: nanoseconds)
        default: return nil
        }
        switch object["expect"] {
        case nil: break
        case .string("absent")?: expected = .absent
        case .int(let version)?: expected = .version(version)
        default: return nil
        }
    }
}

/// What an operator is answered.
public enum ClerkReply: Sendable, Equatable {
    /// It was done; what there is to say of it.
    case done(Value.Object)
    /// It was not done, and why.
    case refused(Refusal)

    /// Why an errand was not done.
    public struct Refusal: Error, Sendable, Equatable {
        /// For programs.
        public let reason: Reason
        /// For people.
        public let words: String

        /// Tells why.
        public init(_ reason: Reason, _ words: String) {
            self.reason = reason
            self.words = words
        }
    }

    /// Kinds of refusals.
    public enum Reason: String, Sendable, CaseIterable {
        /// There is no such document or version.
        case notFound = "not_found"
        /// Somebody holds the lock.
        case locked
        /// The document is another one than was expected, or changes all the time.
        case conflict
        /// It makes no sense.
        case invalid
        /// The store is away.
        case away
    }
}
