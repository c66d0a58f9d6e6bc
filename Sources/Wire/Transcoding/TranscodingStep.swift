internal import Base

/// How many entries each object and array has that does not say it, in the order in which they open.
struct ContainerCounts {
    private var counts: [UInt32] = []
    private var next = 0
    private var keepsKeys = false

    /// None: every container says its count.
    init() {}

    /// Walks over one whole message, which checks all of it.
    init<Reader: WireReader & ~Escapable>(_ reader: borrowing Reader, for format: WireFormat) throws(WireError) {
        var ahead = copy reader
        keepsKeys = Reader.keepsKeys(for: format)
        try walk(&ahead)
        try ahead.finish()
    }

    private mutating func walk<Reader: WireReader & ~Escapable>(_ reader: inout Reader) throws(WireError) {
        let kind = try reader.peekKind()
        guard kind == .object || kind == .array else { return try reader.skipValue() }
        var scope = try kind == .object ? reader.beginObject() : reader.beginArray()
        let place = scope.count == nil ? counts.count : nil
        if place != nil { counts.append(0) }
        var count: UInt32 = 0
        while try kind == .object ? nextEntry(&reader, &scope) : reader.nextElement(in: &scope) {
            guard count < .max else { throw WireError(.impossibleLength, expected: .endOfArray, at: reader.offset) }
            count += 1
            try walk(&reader)
        }
        if let place { counts[place] = count }
    }

    /// Goes on to the value of the next entry.
    private mutating func nextEntry<Reader: WireReader & ~Escapable>(
        _ reader: inout Reader,
        _ scope: inout WireScope
    ) throws(WireError) -> Bool {
        guard keepsKeys else { return try reader.nextKey(in: &scope) != nil }
        guard try reader.nextEntry(in: &scope) else { return false }
        try walk(&reader)
        return true
    }

    /// The count of the container that was opened just now.
    mutating func count(of scope: WireScope) -> Int? {
        if let count = scope.count { return count }
        guard next < counts.count else { return nil }
        next += 1
        return Int(counts[next - 1])
    }
}

/// One run of a transcoder: reads a value, writes it, goes on to the next.
struct TranscodingStep<Writer: WireWriter> {
    private var writer: Writer
    /// Where in the input the value stands that is being written.
    private var offset = 0
    var counts = ContainerCounts()

    init(_ writer: Writer) { self.writer = writer }

    /// Transcodes one whole message.
    mutating func run<Reader: WireReader & ~Escapable>(
        _ reader: inout Reader,
        _ output: inout ByteBuffer
    ) throws(WireError) {
        do throws(WireError) {
            try value(&reader, &output)
            try reader.finish()
        } catch {
            // What a writer refuses is known by its place in the output; the caller has the input.
            guard error.kind == .noCounterpart else { throw error }
            throw WireError(.noCounterpart, expected: error.expected, at: offset)
        }
    }

    private mutating func value<Reader: WireReader & ~Escapable>(
        _ reader: inout Reader,
        _ output: inout ByteBuffer
    ) throws(WireError) {
        while let tag = try reader.tag() { try writer.tag(tag, to: &output) }
        let kind = try reader.peekKind()
        offset = reader.offset
        switch kind {
        case .null:
            try reader.null()
            try writer.null(to: &output)
        case .bool: try writer.bool(try reader.bool(), to: &output)
        case .number: try writer.number(try reader.number(), to: &output)
        case .text: try writer.text(try reader.text(), to: &output)
        case .bytes: try writer.bytes(try reader.bytes(), to: &output)
        case .array: try array(&reader, &output)
        case .object: try object(&reader, &output)
        case .simple: try writer.simple(try reader.simple(), to: &output)
        case .extension:
            let found = try reader.extension()
            try writer.extension(found.type, found.bytes.rawBytes, to: &output)
        case .opaque: throw WireError(.needsSchema, expected: .schema, at: offset)
        }
    }

    private mutating func array<Reader: WireReader & ~Escapable>(
        _ reader: inout Reader,
        _ output: inout ByteBuffer
    ) throws(WireError) {
        var read = try reader.beginArray()
        var written = try writer.beginArray(count: counts.count(of: read), to: &output)
        while try reader.nextElement(in: &read) {
            try writer.element(in: &written, to: &output)
            try value(&reader, &output)
        }
        try writer.endArray(written, to: &output)
    }

    private mutating func object<Reader: WireReader & ~Escapable>(
        _ reader: inout Reader,
        _ output: inout ByteBuffer
    ) throws(WireError) {
        var read = try reader.beginObject()
        var written = try writer.beginObject(count: counts.count(of: read), to: &output)
        if Reader.keepsKeys(for: Writer.format) {
            while try reader.nextEntry(in: &read) {
                try writer.element(in: &written, to: &output)
                try value(&reader, &output)
                try value(&reader, &output)
            }
        } else {
            while let key = try reader.nextKey(in: &read) {
                try writer.key(key.text, in: &written, to: &output)
                try value(&reader, &output)
            }
        }
        try writer.endObject(written, to: &output)
    }
}

extension WireReader where Self: ~Escapable {
    /// Whether keys that are not text can go on as they are.
    fileprivate static func keepsKeys(for other: WireFormat) -> Bool {
        format == other && (other == .cbor || other == .messagePack)
    }
}
