import Base
import Wire

/// What reading the example call costs, as a contract reads it: keys in order, every field checked, texts borrowed.
struct DecodeBench {
    /// Nanoseconds per call.
    struct Result: Equatable {
        var json: Double
        var messagePack: Double
    }

    private static let example: StaticString =
        #"{"type":"rpc","id":12345,"method":"player.attack","params":{"target_id":"player_2","weapon":"sword"}}"#

    // As a contract has them: prepared once.
    private let type = FieldKey("type", number: 1)
    private let id = FieldKey("id", number: 2)
    private let method = FieldKey("method", number: 3)
    private let params = FieldKey("params", number: 4)
    private let target = FieldKey("target_id", number: 1)
    private let weapon = FieldKey("weapon", number: 2)

    /// Decodes the example call so often in each encoding, in this process and thread.
    func decodeExampleCall(iterations: Int) throws(WireError) -> Result {
        var json = ByteBuffer()
        json.append(Self.example)
        var messagePack = ByteBuffer()
        try Transcoder.transcode(from: .json, to: .messagePack, input: json.bytes, output: &messagePack)
        return Result(
            json: try nanoseconds(JSONReader.self, json, iterations),
            messagePack: try nanoseconds(MessagePackReader.self, messagePack, iterations)
        )
    }

    @inline(__always)
    private func nanoseconds<Reader: WireReader & ~Escapable>(
        _ reader: Reader.Type,
        _ message: borrowing ByteBuffer,
        _ iterations: Int
    ) throws(WireError) -> Double {
        var sum = 0
        let clock = ContinuousClock()
        let start = clock.now
        for _ in 0..<iterations {
            var reader = Reader(message.bytes)
            sum &+= try decode(&reader)
        }
        let spent = clock.now - start
        precondition(sum == iterations &* (12_345 + 13 + 8 + 5), "the call was read wrong")
        return Double(spent.nanoseconds) / Double(max(1, iterations))
    }

    /// Reads one call; what it returns depends on every field, so that no read can be left out.
    @inline(never)
    private func decode<Reader: WireReader & ~Escapable>(_ reader: inout Reader) throws(WireError) -> Int {
        var call = try reader.beginObject()
        try expect(type, &reader, &call)
        guard try reader.text().equals("rpc") else { throw WireError(.wrongType, expected: .text, at: reader.offset) }
        try expect(id, &reader, &call)
        var sum = Int(try reader.int64())
        try expect(method, &reader, &call)
        sum &+= try reader.text().byteCount
        try expect(params, &reader, &call)
        var fields = try reader.beginObject()
        try expect(target, &reader, &fields)
        sum &+= try reader.text().byteCount
        try expect(weapon, &reader, &fields)
        sum &+= try reader.text().byteCount
        try reader.endObject(&fields)
        try reader.endObject(&call)
        try reader.finish()
        return sum
    }

    @inline(__always)
    private func expect<Reader: WireReader & ~Escapable>(
        _ key: FieldKey,
        _ reader: inout Reader,
        _ scope: inout WireScope
    ) throws(WireError) {
        guard try reader.matchKey(key, in: &scope) else {
            throw WireError(.missingKey, expected: .key, at: reader.offset)
        }
    }
}
