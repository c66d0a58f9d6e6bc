import Wire

/// One envelope from the server. What a newer server says beyond this is skipped.
struct Incoming: Equatable {
    enum Kind: Equatable {
        case response, event, request, pong
        /// A kind that this client does not know.
        case other
    }

    var kind = Kind.other
    var id: Int64?
    /// The event, or the method that is asked for.
    var name = ""
    /// Where the result, the data or the params stand in the frame.
    var body: Range<Int>?
    var error: Value?
    var seq: UInt64?
    var topic: String?
    var room: String?
    var timestamp: Int64 = 0
    var timeoutMilliseconds: Int64?
    var clock = 0.0
    var server = 0.0

    /// The envelopes of one frame, at most 64.
    static func read(_ bytes: RawSpan, as format: ClientFormat) throws(WireError) -> [Incoming] {
        switch format {
        case .json: try read(JSONReader(bytes))
        case .messagePack: try read(MessagePackReader(bytes))
        case .cbor: try read(CBORReader(bytes))
        }
    }

    private static func read<Reader: WireReader & ~Escapable>(
        _ source: consuming Reader
    ) throws(WireError) -> [Incoming] {
        var reader = source
        var all: [Incoming] = []
        if try reader.peekKind() == .array {
            var scope = try reader.beginArray()
            while try reader.nextElement(in: &scope) {
                guard all.count < batchMax else {
                    throw WireError(.excessEntry, expected: .endOfArray, at: reader.offset)
                }
                all.append(try one(&reader))
            }
        } else {
            all.append(try one(&reader))
        }
        try reader.finish()
        return all
    }

    private static let batchMax = 64

    private static func one<Reader: WireReader & ~Escapable>(
        _ reader: inout Reader
    ) throws(WireError) -> Incoming {
        var found = Incoming()
        var scope = try reader.beginObject()
        while let key = try reader.nextKey(in: &scope) {
            guard let member = Key.all.first(where: { key.matches($0.key) })?.member else {
                try reader.skipValue()
                continue
            }
            try found.take(member, &reader)
        }
        return found
    }

    private mutating func take<Reader: WireReader & ~Escapable>(
        _ member: Key.Member,
        _ reader: inout Reader
    ) throws(WireError) {
        switch member {
        case .type: kind = Self.kind(try reader.string())
        case .id: id = try reader.int64()
        case .name: name = try reader.string()
        case .body:
            let start = reader.offset
            try reader.skipValue()
            body = start..<reader.offset
        case .error: error = try Value(reading: &reader)
        case .seq: seq = try reader.uint64()
        case .topic: topic = try reader.string()
        case .room: room = try reader.string()
        case .timestamp: timestamp = Int64(exactly: try reader.double().rounded()) ?? 0
        case .timeout: timeoutMilliseconds = try reader.int64()
        case .clock: clock = try reader.double()
        case .server: server = try reader.double()
        }
    }

    private static func kind(_ word: String) -> Kind {
        switch word {
        case "response": .response
        case "event": .event
        case "request": .request
        case "pong": .pong
        default: .other
        }
    }

    private enum Key {
        enum Member { case type, id, name, body, error, seq, topic, room, timestamp, timeout, clock, server }

        /// The numbers are those of the envelope in Protobuf.
        static let all: [(key: FieldKey, member: Member)] = [
            (FieldKey("type", number: 1), .type),
            (FieldKey("id", number: 2), .id),
            (FieldKey("result", number: 5), .body),
            (FieldKey("seq", number: 7), .seq),
            (FieldKey("event", number: 11), .name),
            (FieldKey("data", number: 12), .body),
            (FieldKey("timestamp", number: 13), .timestamp),
            (FieldKey("topic", number: 15), .topic),
            (FieldKey("room", number: 14), .room),
            (FieldKey("method", number: 3), .name),
            (FieldKey("params", number: 4), .body),
            (FieldKey("error", number: 6), .error),
            (FieldKey("timeout_ms", number: 16), .timeout),
            (FieldKey("t", number: 17), .clock),
            (FieldKey("server", number: 18), .server),
        ]
    }
}
