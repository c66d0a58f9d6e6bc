import Base
import Testing
import Wire

@Suite("MessagePack") struct MessagePackTests {
    @Test(arguments: [
        ("c0", "null"), ("c2", "false"), ("c3", "true"), ("00", "0"), ("7f", "127"), ("cc80", "128"), ("ccff", "255"),
        ("cd0100", "256"), ("cdffff", "65535"), ("ce00010000", "65536"), ("ceffffffff", "4294967295"),
        ("cf0000000100000000", "4294967296"), ("cf7fffffffffffffff", "9223372036854775807"),
        ("cfffffffffffffffff", "18446744073709551615"), ("ff", "-1"), ("e0", "-32"), ("d0df", "-33"), ("d080", "-128"),
        ("d1ff7f", "-129"), ("d18000", "-32768"), ("d2ffff7fff", "-32769"), ("d280000000", "-2147483648"),
        ("d3ffffffff7fffffff", "-2147483649"), ("d38000000000000000", "-9223372036854775808"), ("ca3fc00000", "1.5"),
        ("cb3ff199999999999a", "1.1"), ("a0", #""""#), ("a161", #""a""#), ("90", "[]"), ("93010203", "[1,2,3]"),
        ("80", "{}"), ("82a16101a16292c0c3", #"{"a":1,"b":[null,true]}"#), ("c40401020304", #""AQIDBA==""#),
        ("c400", #""""#),
    ])
    func `each shortest spelling is read and written back`(_ packed: String, _ json: String) throws {
        #expect(try text(transcoded(hex(packed), .messagePack, .json)) == json)
        #expect(try hex(transcoded(hex(packed), .messagePack, .messagePack)) == packed)
    }

    @Test(arguments: [
        ("cc01", "01"), ("cd0001", "01"), ("ce00000001", "01"), ("cf0000000000000001", "01"), ("d001", "01"),
        ("d10001", "01"),
        ("d200000001", "01"), ("d30000000000000001", "01"), ("d0ff", "ff"), ("d3ffffffffffffffff", "ff"),
        ("cb3ff8000000000000", "ca3fc00000"), ("d90161", "a161"), ("da000161", "a161"), ("db0000000161", "a161"),
        ("c5000101", "c40101"), ("c60000000101", "c40101"), ("dc000101", "9101"), ("dd0000000101", "9101"),
        ("de0001a16101", "81a16101"), ("df00000001d9016101", "81a16101"),
        ("c70501" + "0102030405", "c70501" + "0102030405"),
        ("c8000101ff", "d401ff"), ("c900000001ffff", "d4ffff"), ("d6ff00000000", "d6ff00000000"), ("c70005", "c70005"),
    ])
    func `each longer spelling is read and shortened`(_ long: String, _ short: String) throws {
        #expect(try hex(transcoded(hex(long), .messagePack, .messagePack)) == short)
    }

    @Test(
        arguments: [
            ("", .endOfInput, 0), ("c1", .reserved, 0), ("91c1", .reserved, 1),
            ("81c1c0", .reserved, 1), ("0000", .trailingBytes, 1), ("a2c328", .invalidUTF8, 1),
            ("a3eda080", .invalidUTF8, 1),
            ("d902c3", .endOfInput, 3), ("ddffffffff", .impossibleLength, 0), ("dfffffffff", .impossibleLength, 0),
            ("dbffffffff", .endOfInput, 5), ("c6ffffffff", .endOfInput, 5), ("c9ffffffff01", .endOfInput, 6),
            ("dc0002c0", .impossibleLength, 0), ("82a161c0", .impossibleLength, 0), ("83a161c0a162c0", .endOfInput, 7),
        ] as [(String, WireError.Kind, Int)]
    )
    func `everything else is refused where it goes wrong`(_ packed: String, _ kind: WireError.Kind, _ offset: Int) {
        let error = refusal(hex(packed), .messagePack)
        #expect(error?.kind == kind)
        #expect(error?.offset == offset)
    }

    @Test func `an extension has a type and bytes, and a timestamp is one`() throws {
        let message = buffer(hex("d6ff5a4b3c2d"))
        var reader = MessagePackReader(message.bytes)
        #expect(try reader.peekKind() == .extension)
        let found = try reader.extension()
        #expect(found.type == -1)
        #expect(found.bytes.array() == hex("5a4b3c2d"))
        try reader.finish()
        #expect(throws: WireError(.noCounterpart, expected: .value, at: 0)) {
            try read(hex("d6ff5a4b3c2d"), as: .messagePack)
        }
    }

    @Test(arguments: [0, 1, 31, 32, 255, 256, 65_535, 65_536])
    func `lengths at the edge of each header come back`(count: Int) throws {
        let values: [Value] = [
            .string(String(repeating: "x", count: count)), .bytes(Array(repeating: 1, count: count)),
            .array(Array(repeating: .null, count: count)),
        ]
        for value in values {
            for format in [WireFormat.messagePack, .cbor] {
                #expect(try read(written(value, as: format), as: format) == value)
            }
        }
    }

    @Test func `a count that comes last is patched into a long header`() throws {
        var output = ByteBuffer()
        var writer = MessagePackWriter()
        var scope = try writer.beginArray(count: nil, to: &output)
        for number in 0..<3 {
            try writer.element(in: &scope, to: &output)
            try writer.int64(Int64(number), to: &output)
        }
        try writer.endArray(scope, to: &output)
        #expect(hex(output.array()) == "dd00000003000102")
    }
}
