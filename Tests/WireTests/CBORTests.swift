import Base
import Testing
import Wire

@Suite("CBOR") struct CBORTests {
    // The classes of RFC 8949, Appendix F: not well-formed.
    @Test(arguments: [
        // The end comes inside of a head or of what it announces.
        "18", "19", "1a", "1b", "1901", "1a0102", "1b01020304050607", "38", "58", "78", "98", "9a01ff00", "b8", "d8",
        "f8",
        "f900", "fa0000", "fb000000", "41", "61", "5affffffff00", "5bffffffffffffffff010203", "7affffffff00",
        "7b7fffffffffffffff010203", "81", "818181818181818181", "8200", "a1", "a20102", "a100", "a2000000", "c0",
        "5f4100",
        "7f6100", "9f", "9f0102", "bf", "bf01020102", "819f", "9f8000", "9f9f9f9f9fffffffff", "9f819f819f9fffffff",
        // Reserved heads.
        "1c", "1d", "1e", "3c", "3d", "3e", "5c", "5d", "5e", "7c", "7d", "7e", "9c", "9d", "9e", "bc", "bd", "be",
        "dc", "dd",
        "de", "fc", "fd", "fe", "1f", "3f", "df",
        // Simple values in the long form.
        "f800", "f801", "f818", "f81f",
        // Chunks that are not, breaks that stand wrong.
        "5f00ff", "5f21ff", "5f6100ff", "5f80ff", "5fa0ff", "5fc000ff", "5fe0ff", "7f4100ff", "5f5f4100ffff",
        "7f7f6100ffff",
        "ff", "81ff", "8200ff", "a1ff", "a1ff00", "a100ff", "a20000ff", "9f81ff", "bf00ff", "bf000000ff",
        "bf616100ff00", "c0ff",
    ])
    func `what is not well-formed is refused`(_ cbor: String) {
        #expect(refusal(hex(cbor), .cbor) != nil)
        #expect(throws: WireError.self) { try read(hex(cbor), as: .cbor) }
    }

    @Test(
        arguments: [
            ("62c328", .invalidUTF8, 1), ("7f61c361a9ff", .invalidUTF8, 2), ("0000", .trailingBytes, 1),
            ("c2f6", .wrongType, 1), ("c25101" + "00000000000000000000000000000000", .numberOutOfRange, 0),
            ("9bffffffffffffffff", .impossibleLength, 0), ("bbffffffffffffffff", .impossibleLength, 0),
            ("9affffffff", .impossibleLength, 0), ("bf6161ff", .unexpectedByte, 3),
        ] as [(String, WireError.Kind, Int)]
    )
    func `what is well-formed and still wrong is refused`(_ cbor: String, _ kind: WireError.Kind, _ offset: Int) {
        let error = refusal(hex(cbor), .cbor)
        #expect(error?.kind == kind)
        #expect(error?.offset == offset)
    }

    @Test(arguments: [
        ("1800", "00"), ("190001", "01"), ("1b0000000000000001", "01"), ("3800", "20"), ("590001ff", "41ff"),
        ("780161", "6161"),
        ("980100", "8100"), ("b801616100", "a1616100"), ("fa3f800000", "f93c00"), ("fb3ff0000000000000", "f93c00"),
        ("fb40effc0000000000", "f97bff"), ("fb40effc2000000000", "fa477fe100"), ("fb3e70000000000000", "f90001"),
        ("fb3e60000000000000", "fa33000000"),
        ("fb7ff8000000000001", "f97e00"), ("c2420001", "01"), ("c25f4101 4100ff", "190100"), ("c340", "20"),
        ("d8021801", "!"),
        ("c248ffffffffffffffff", "1bffffffffffffffff"),
        ("c25001000000000000000000000000000000", "c25001000000000000000000000000000000"),
        ("c35001000000000000000000000000000000", "c35001000000000000000000000000000000"), ("f7", "f7"), ("e0", "e0"),
        ("f820", "f820"),
        ("d9d9f7c100", "d9d9f7c100"),
    ])
    func `every number and length is written in its shortest form`(_ long: String, _ short: String) throws {
        guard short != "!" else { return #expect(refusal(hex(long), .cbor)?.kind == .wrongType) }
        #expect(try hex(transcoded(hex(long), .cbor, .cbor)) == short)
    }

    @Test func `every half float is the double it stands for and comes back`() throws {
        for half in UInt16.min...UInt16.max {
            let message = [0xF9, UInt8(half >> 8), UInt8(half & 0xFF)]
            let value = try read(message, as: .cbor)
            let again = try written(value, as: .cbor)
            guard case .double(let double) = value, !double.isNaN else {
                #expect(again == hex("f97e00"))
                continue
            }
            #expect(again == message)
            let fraction = Double(half & 0x3FF) / 1_024
            let power = half >> 10 & 31
            guard power < 31 else { continue }
            let scale = power == 0 ? 0x1p-14 : Double(sign: .plus, exponent: Int(power) - 15, significand: 1)
            #expect(double.magnitude == (power == 0 ? fraction : 1 + fraction) * scale)
            #expect((double.sign == .minus) == (half >> 15 == 1))
        }
    }

    @Test func `tags are looked through where a type is expected, and stay visible where they matter`() throws {
        let message = buffer(hex("d9d9f7c11a514b67b0"))
        var typed = CBORReader(message.bytes)
        #expect(try typed.int64() == 1_363_896_240)
        var open = CBORReader(message.bytes)
        #expect(try open.tag() == 55_799)
        #expect(try open.tag() == 1)
        #expect(try open.tag() == nil)
        #expect(try open.peekKind() == .number)
    }

    @Test func `chunks are one text, also as a key`() throws {
        let message = buffer(hex("bf7f61616162ff7f6163ffff"))
        var reader = CBORReader(message.bytes)
        var scope = try reader.beginObject()
        guard let key = try reader.nextKey(in: &scope) else {
            Issue.record("there is a key")
            return
        }
        #expect(key.matches(FieldKey("ab", number: 1)) && !key.text.isPlain && key.text.byteCount == 2)
        #expect(try reader.string() == "c")
        try reader.endObject(&scope)
        try reader.finish()
    }

    @Test func `a tree is written deterministically: shorter keys first, then by their bytes`() throws {
        let value: Value = .object(["bb": 1, "a": 2, "b": 3, "aaa": .object(["z": 1, "": 2])])
        #expect(
            try hex(written(value, as: .cbor)) == "a4616102616203626262016361 6161a26002617a01".filter { $0 != " " }
        )
        #expect(try text(written(value, as: .json)) == #"{"a":2,"aaa":{"":2,"z":1},"b":3,"bb":1}"#)
    }
}
