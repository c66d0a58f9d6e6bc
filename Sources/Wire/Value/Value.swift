/// A dynamic value: what a document or a snapshot is made of when no contract describes it.
///
/// It holds what JSON, MessagePack and CBOR have in common. Texts are compared byte by byte: two that only look the
/// same are different, as they are on the wire.
public indirect enum Value: Sendable {
    /// Nothing.
    case null
    /// True or false.
    case bool(Bool)
    /// A whole number.
    case int(Int64)
    /// A whole number above `Int64.max`. A smaller one is the same value as its `int`.
    case uint(UInt64)
    /// A number with a fraction, or one that was written as such: `2.0` is not the same value as `2`.
    case double(Double)
    /// A text.
    case string(String)
    /// Bytes.
    case bytes([UInt8])
    /// Values in order.
    case array([Value])
    /// Values by key, in order.
    case object(Object)
}

extension Value: Equatable {
    /// Whether two values are written with the same bytes; the order of keys counts, and every NaN is the same.
    public static func == (left: Value, right: Value) -> Bool {
        switch (left, right) {
        case (.null, .null): true
        case (.bool(let left), .bool(let right)): left == right
        case (.int(let left), .int(let right)): left == right
        case (.uint(let left), .uint(let right)): left == right
        case (.int(let left), .uint(let right)), (.uint(let right), .int(let left)): UInt64(exactly: left) == right
        case (.double(let left), .double(let right)): left.bitPattern == right.bitPattern || left.isNaN && right.isNaN
        case (.string(let left), .string(let right)): ExactText(left) == ExactText(right)
        case (.bytes(let left), .bytes(let right)): left == right
        case (.array(let left), .array(let right)): left == right
        case (.object(let left), .object(let right)): left == right
        default: false
        }
    }
}

extension Value {
    /// An object: keys in the order in which they came, each once.
    public struct Object: Sendable, Equatable {
        /// One key and its value.
        public struct Entry: Sendable, Equatable {
            /// The key.
            public let key: String
            /// What it stands for.
            public var value: Value

            /// Joins a key and its value.
            public init(key: String, value: Value) {
                self.key = key
                self.value = value
            }

            /// Whether keys are the same byte by byte, and values are equal.
            public static func == (left: Self, right: Self) -> Bool {
                ExactText(left.key) == ExactText(right.key) && left.value == right.value
            }
        }

        /// The entries in order.
        public private(set) var entries: [Entry] = []

        /// Where each key is, once there are more than `linearMax`: then looking through all is slower than hashing.
        private var places: [ExactText: Int] = [:]
        private static let linearMax = 8

        /// An object without entries.
        public init() {}

        /// How many entries there are.
        public var count: Int { entries.count }

        /// The value of a key. Setting one that is there replaces it in its place; setting nil removes it.
        public subscript(key: String) -> Value? {
            get { place(of: key).map { entries[$0].value } }
            set {
                switch (place(of: key), newValue) {
                case (let place?, let value?): entries[place].value = value
                case (nil, let value?): add(key, value)
                case (let place?, nil):
                    entries.remove(at: place)
                    places.removeAll()
                    if entries.count > Self.linearMax { index() }
                case (nil, nil): break
                }
            }
        }

        /// Appends an entry, unless its key is there already.
        ///
        /// - Returns: whether it was appended.
        public mutating func append(_ key: String, _ value: Value) -> Bool {
            guard place(of: key) == nil else { return false }
            add(key, value)
            return true
        }

        /// Gives the entry that was appended last its value.
        mutating func setLast(_ value: Value) {
            guard !entries.isEmpty else { return }
            entries[entries.count - 1].value = value
        }

        /// Whether both have the same entries in the same order.
        public static func == (left: Self, right: Self) -> Bool { left.entries == right.entries }

        /// The key is known not to be there.
        private mutating func add(_ key: String, _ value: Value) {
            entries.append(Entry(key: key, value: value))
            if entries.count == Self.linearMax + 1 {
                index()
            } else if entries.count > Self.linearMax {
                places[ExactText(key)] = entries.count - 1
            }
        }

        private mutating func index() {
            for (place, entry) in entries.enumerated() { places[ExactText(entry.key)] = place }
        }

        private func place(of key: String) -> Int? {
            guard entries.count <= Self.linearMax else { return places[ExactText(key)] }
            let key = ExactText(key)
            return entries.firstIndex { ExactText($0.key) == key }
        }
    }
}

extension Value.Object: ExpressibleByDictionaryLiteral {
    /// An object of literal keys; of the same key twice, the last value stays.
    public init(dictionaryLiteral elements: (String, Value)...) {
        for (key, value) in elements { self[key] = value }
    }
}

/// A text compared and hashed by its UTF-8. `String` itself takes different spellings of one letter as equal.
struct ExactText: Hashable {
    let text: String

    init(_ text: String) { self.text = text }

    static func == (left: Self, right: Self) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }

    /// Whether the text comes first by its bytes.
    static func < (left: Self, right: Self) -> Bool { left.text.utf8.lexicographicallyPrecedes(right.text.utf8) }

    func hash(into hasher: inout Hasher) {
        for byte in text.utf8 { hasher.combine(byte) }
        hasher.combine(UInt8(0xFF))
    }
}
