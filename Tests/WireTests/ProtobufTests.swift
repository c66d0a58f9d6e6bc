import Base
import Testing
import Wire

@Suite("Protobuf") struct ProtobufTests {
    /// Every field of a message as text, with the guess that lengths are bytes.
    private func fields(_ message: [UInt8]) throws(WireError) -> [String] {
        let input = buffer(message)
        var reader = ProtobufReader(input.bytes)
        var scope = try reader.beginObject()
        var fields: [String] = []
        while let key = try reader.nextKey(in: &scope) {
            let number = key.number
            if try reader.peekKind() == .opaque {
                fields.append("\(number)=\(hex(try reader.bytes().array()))")
            } else {
                fields.append("\(number)=\(try reader.number())")
            }
        }
        try reader.finish()
        return fields
    }

    @Test(arguments: [
        ("", []), ("089601", ["1=int(150)"]), ("120774657374696e67", ["2=74657374696e67"]),
        ("1a03089601", ["3=089601"]),
        ("08ffffffffffffffffff01", ["1=int(-1)"]), ("09000000000000f83f", ["1=double(1.5)"]),
        ("0d0000c03f", ["1=double(1.5)"]),
        ("08010802", ["1=int(1)", "1=int(2)"]), ("f8ffffff0f01", ["536870911=int(1)"]),
        ("0880808080808080808001", ["1=int(-9223372036854775808)"]),
    ])
    func `each wire type is read`(_ message: String, _ expected: [String]) throws {
        #expect(try fields(hex(message)) == expected)
    }

    @Test(
        arguments: [
            ("08", .endOfInput, 1), ("0896", .endOfInput, 2), ("00", .reserved, 0), ("0001", .reserved, 0),
            ("0b0c", .reserved, 0),
            ("0e", .reserved, 0), ("0f", .reserved, 0), ("8080808010", .reserved, 0),
            ("08ffffffffffffffffff02", .numberOutOfRange, 10),
            ("08ffffffffffffffffffff01", .numberOutOfRange, 10), ("1207746573", .endOfInput, 5),
            ("12ffffffffffffffffff01", .endOfInput, 11),
            ("0900", .endOfInput, 2), ("0d000000", .endOfInput, 4),
        ] as [(String, WireError.Kind, Int)]
    )
    func `everything else is refused where it goes wrong`(_ message: String, _ kind: WireError.Kind, _ offset: Int) {
        do {
            _ = try fields(hex(message))
            Issue.record("\(message) is no message")
        } catch {
            #expect(error.kind == kind)
            #expect(error.offset == offset)
        }
    }

    @Test(arguments: ["3206038e029ea705", "3003308e02309ea705"])
    func `whole numbers are read packed or one by one`(_ message: String) throws {
        let input = buffer(hex(message + "3801"))
        var reader = ProtobufReader(input.bytes)
        var scope = try reader.beginObject()
        #expect(try reader.matchKey(FieldKey("f", number: 6), in: &scope))
        var array = try reader.beginArray(of: .integer)
        var numbers: [Int64] = []
        while try reader.nextElement(in: &array) { numbers.append(try reader.int64()) }
        #expect(numbers == [3, 270, 86_942])
        #expect(try reader.matchKey(FieldKey("g", number: 7), in: &scope))
        #expect(try reader.bool())
        try reader.endObject(&scope)
        try reader.finish()
    }

    @Test func `packed doubles are read, and a packed run ends where its length says`() throws {
        let input = buffer(hex("0a10000000000000f83f0000000000000040"))
        var reader = ProtobufReader(input.bytes)
        var scope = try reader.beginObject()
        #expect(try reader.matchKey(FieldKey("f", number: 1), in: &scope))
        var array = try reader.beginArray(of: .double)
        var numbers: [Double] = []
        while try reader.nextElement(in: &array) { numbers.append(try reader.double()) }
        #expect(numbers == [1.5, 2])
        try reader.endObject(&scope)

        let cut = buffer(hex("0a0180" + "01"))
        var other = ProtobufReader(cut.bytes)
        var outer = try other.beginObject()
        #expect(try other.matchKey(FieldKey("f", number: 1), in: &outer))
        var run = try other.beginArray(of: .integer)
        #expect(try other.nextElement(in: &run))
        #expect(throws: WireError(.endOfInput, expected: .moreBytes, at: 3)) { try other.int64() }
    }

    @Test(arguments: [0, 1, -1, 63, -64, 64, .max, .min] as [Int64])
    func `zigzag numbers come back and are short near zero`(_ value: Int64) throws {
        var output = ByteBuffer()
        var writer = ProtobufWriter()
        var written = try writer.beginObject(count: nil, to: &output)
        try writer.key(FieldKey("f", number: 1), in: &written, to: &output)
        try writer.sint64(value, to: &output)
        try writer.endObject(written, to: &output)
        #expect((-64...63).contains(value) == (output.count == 2))
        var reader = ProtobufReader(output.bytes)
        var scope = try reader.beginObject()
        _ = try reader.nextKey(in: &scope)
        #expect(try reader.sint64() == value)
    }

    @Test(arguments: [0, 127, 128, 16_383, 16_384, 3_000_000])
    func `a nested message of any length gets its length in front`(count: Int) throws {
        let key = FieldKey("f", number: 1)
        var output = ByteBuffer()
        var writer = ProtobufWriter()
        var outer = try writer.beginObject(count: nil, to: &output)
        try writer.key(key, in: &outer, to: &output)
        var inner = try writer.beginObject(count: nil, to: &output)
        try writer.key(key, in: &inner, to: &output)
        try writer.string(String(repeating: "x", count: count), to: &output)
        try writer.endObject(inner, to: &output)
        try writer.endObject(outer, to: &output)
        var reader = ProtobufReader(output.bytes)
        var read = try reader.beginObject()
        #expect(try reader.matchKey(key, in: &read))
        var nested = try reader.beginObject()
        #expect(try reader.matchKey(key, in: &nested))
        #expect(try reader.text().byteCount == count)
        try reader.endObject(&nested)
        try reader.endObject(&read)
        try reader.finish()
    }

    @Test func `what needs names or nested arrays is refused, not written wrong`() throws {
        var output = ByteBuffer()
        var writer = ProtobufWriter()
        #expect(throws: WireError(.needsSchema, expected: .schema, at: 0)) { try writer.int64(1, to: &output) }
        var scope = try writer.beginObject(count: nil, to: &output)
        #expect(throws: WireError(.needsSchema, expected: .schema, at: 0)) {
            try writer.key("name", in: &scope, to: &output)
        }
        try writer.key(FieldKey("f", number: 1), in: &scope, to: &output)
        var array = try writer.beginArray(count: 1, to: &output)
        try writer.element(in: &array, to: &output)
        #expect(throws: WireError.self) { try writer.beginArray(count: 1, to: &output) }
        #expect(throws: WireError.self) { try writer.null(to: &output) }
        #expect(throws: WireError.self) { try read(hex("089601"), as: .protobuf) }
    }
}
