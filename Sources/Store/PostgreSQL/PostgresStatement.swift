/// Something that is said to the server again and again: prepared once per connection, when it is first said.
struct PostgresStatement: Sendable {
    /// Its name on the server.
    let name: String
    let text: String
    let types: [PostgresType]

    init(_ name: String, _ types: [PostgresType] = [], _ text: String) {
        self.name = name
        self.text = text
        self.types = types
    }
}

/// The types that parameters have, by the server's numbers for them.
enum PostgresType: UInt32, Sendable {
    case number = 20
    case numbers = 1_016
    case bytes = 17
    case blobs = 1_001

    /// The type of an array's elements.
    fileprivate var element: PostgresType? {
        switch self {
        case .numbers: .number
        case .blobs: .bytes
        case .number, .bytes: nil
        }
    }
}

/// A statement with its parameters, in the server's binary form.
struct PostgresCall {
    enum Words {
        case prepared(PostgresStatement)
        /// Said once, without parameters.
        case plain(String)
    }

    let words: Words
    private(set) var bytes: [UInt8] = []
    /// Where each parameter lies in `bytes`; `nil` is the server's NULL.
    private(set) var places: [Range<Int>?] = []

    init(_ statement: PostgresStatement) { words = .prepared(statement) }

    init(plain text: String) { words = .plain(text) }

    // MARK: Parameters, in their order

    mutating func add(_ number: Int64?) {
        guard let number else { return places.append(nil) }
        let start = bytes.count
        append(number)
        places.append(start..<bytes.count)
    }

    mutating func add(_ blob: [UInt8]) {
        let start = bytes.count
        bytes.append(contentsOf: blob)
        places.append(start..<bytes.count)
    }

    mutating func add<Rows: Collection>(numbers rows: Rows, _ number: (Rows.Element) -> Int64?) {
        let start = beginArray(.numbers, rows.count)
        for row in rows {
            guard let number = number(row) else {
                append(Int32(-1))
                continue
            }
            append(Int32(8))
            append(number)
        }
        places.append(start..<bytes.count)
    }

    mutating func add<Rows: Collection>(blobs rows: Rows, _ blob: (Rows.Element) -> [UInt8]) {
        let start = beginArray(.blobs, rows.count)
        for row in rows {
            let blob = blob(row)
            // A document has at most four megabytes.
            append(Int32(truncatingIfNeeded: blob.count))
            bytes.append(contentsOf: blob)
        }
        places.append(start..<bytes.count)
    }

    mutating func add(blobs: [[UInt8]]) { add(blobs: blobs) { $0 } }

    /// Dimensions, whether there may be NULLs, the type of elements; and for the one dimension its length and first index.
    private mutating func beginArray(_ type: PostgresType, _ count: Int) -> Int {
        let start = bytes.count
        append(Int32(count == 0 ? 0 : 1))
        append(Int32(1))
        append(Int32(bitPattern: type.element?.rawValue ?? 0))
        guard count > 0 else { return start }
        append(Int32(truncatingIfNeeded: count))
        append(Int32(1))
        return start
    }

    private mutating func append(_ number: some FixedWidthInteger) {
        unsafe withUnsafeBytes(of: number.bigEndian) { unsafe bytes.append(contentsOf: $0) }
    }
}
