import Base
import Testing
import Wire

@testable import Contracts

@Suite("Decoding") struct DecodingTests {
    @Test(arguments: WireFormat.allCases)
    func `a value of every kind comes back as it was`(_ format: WireFormat) throws {
        let value = try everything()
        #expect(try whole.values(whole.bytes(value, format), format) == value)
    }

    @Test(arguments: WireFormat.allCases)
    func `every proper prefix of a value is refused`(_ format: WireFormat) throws {
        let bytes = try whole.bytes(everything(), format)
        for count in 0..<bytes.count {
            #expect(throws: Fault.self) { _ = try whole.values(Array(bytes[..<count]), format) }
        }
        #expect(whole.refusal(bytes + [0], format) != "accepted")
    }

    @Test(arguments: WireFormat.allCases)
    func `spoiled bytes are refused or read, and never trap`(_ format: WireFormat) throws {
        let bytes = try whole.bytes(everything(), format)
        for place in bytes.indices {
            for flip in [0x01, 0x10, 0x80, 0xFF] as [UInt8] {
                var spoiled = bytes
                spoiled[place] ^= flip
                guard let value = try? whole.values(spoiled, format) else { continue }
                let canonical = try whole.canonical(value)
                let again = try whole.values(canonical: canonical)
                #expect(try whole.canonical(again) == canonical)
            }
        }
    }

    @Test(arguments: [WireFormat.json, .messagePack, .cbor], 0..<9)
    func `keys may come in every order`(_ format: WireFormat, _ turn: Int) throws {
        try checkOrders(scalars(), format, turn)
        try checkOrders(everything(), format, turn)
    }

    private func checkOrders<Root: Message & Equatable>(_ root: Root, _ format: WireFormat, _ turn: Int) throws {
        let entries = try document(root).entries
        let turned = Array(entries.dropFirst(turn) + entries.prefix(turn))
        for order in [turned, turned.reversed()] {
            var object = Value.Object()
            for entry in order { object[entry.key] = json(entry.value, format) }
            var output = ByteBuffer()
            try Value.object(object).write(format, to: &output)
            #expect(try MessageCoder<Root>().values(output.array(), format) == root)
        }
    }

    /// JSON has bytes as base64.
    private func json(_ value: Value, _ format: WireFormat) -> Value {
        if case .bytes = value, format == .json { return "AQL/" }
        guard case .object(let object) = value else { return value }
        var other = Value.Object()
        for entry in object.entries { other[entry.key] = json(entry.value, format) }
        return .object(other)
    }

    static let faults: [(String, Value, String)] = [
        ("flag", 1, "params.flag wrong_type"), ("flag", .null, "params.flag wrong_type"),
        ("count", 11, "params.count out_of_range"), ("count", -11, "params.count out_of_range"),
        ("count", 1.5, "params.count wrong_type"), ("count", "1", "params.count wrong_type"),
        ("large", .uint(1 << 63), "params.large out_of_range"),
        ("power", 1.0000001, "params.power out_of_range"), ("power", "x", "params.power wrong_type"),
        ("text", "12345678901", "params.text too_long"), ("text", ["x"], "params.text wrong_type"),
        ("stance", "lying", "params.stance unknown_choice"), ("stance", 0, "params.stance wrong_type"),
        ("numbers", [1, 2, 3, 4, 5, 6], "params.numbers too_many"),
        ("numbers", [1, 1_001], "params.numbers[1] out_of_range"),
        ("numbers", [:], "params.numbers wrong_type"), ("numbers", [[1]], "params.numbers[0] wrong_type"),
        ("items", [["name": "a", "count": 1, "tags": ["x", "12345"]]], "params.items[0].tags[1] too_long"),
        ("items", [["name": "a b", "count": 1, "tags": []]], "params.items[0].name bad_character"),
        ("items", [["count": 1, "tags": []]], "params.items[0].name missing"),
        ("items", [["name": "a", "count": 0, "tags": []]], "params.items[0].count out_of_range"),
        ("items", [["name": "a", "count": 1, "tags": [], "z": 1]], "params.items[0].z unknown_field"),
        ("scores", ["a": 1, "b": 2, "c": 3, "d": 4], "params.scores too_many"),
        ("scores", ["abcdef": 1], "params.scores.abcdef too_long"), ("scores", ["": 1], "params.scores. too_short"),
        ("scores", ["a": "x"], "params.scores.a wrong_type"),
        ("note", "", "params.note too_short"), ("note", 1, "params.note wrong_type"),
        ("place", ["x": 1, "y": 101, "z": 0], "params.place.y out_of_range"),
        ("place", ["x": 1, "y": 1], "params.place.z missing"),
        ("aim", ["x": 1, "y": 1, "z": 1], "params.aim.z unknown_field"),
        ("player", "a b", "params.player bad_character"), ("player", "", "params.player too_short"),
        ("player", "12345678901234567890123456789012", "params.player too_long"),
        ("at", -1, "params.at out_of_range"), ("at", .int(1 << 53), "params.at out_of_range"),
        ("extra", 1, "params.extra unknown_field"),
    ]

    @Test(arguments: [WireFormat.json, .messagePack, .cbor], faults)
    func `what breaks a rule is refused with its path`(_ format: WireFormat, _ fault: (String, Value, String)) throws {
        let isPlain = try document(scalars())[fault.0] != nil
        let entries = try isPlain ? document(scalars()).entries : document(everything()).entries
        for isFirst in [false, true] {
            var object = Value.Object()
            if isFirst { object[fault.0] = fault.1 }
            for entry in entries where object[entry.key] == nil {
                object[entry.key] = entry.key == fault.0 ? fault.1 : json(entry.value, format)
            }
            if !isFirst { object[fault.0] = fault.1 }
            let refusal =
                try isPlain ? plain.refusal(of: .object(object), format) : whole.refusal(of: .object(object), format)
            #expect(refusal == fault.2)
        }
    }

    @Test(arguments: [WireFormat.json, .messagePack, .cbor])
    func `every field that is not optional is missed by its name`(_ format: WireFormat) throws {
        let entries = try document(everything()).entries
        for entry in entries where entry.key != "note" && entry.key != "room" {
            var object = Value.Object()
            for other in entries where other.key != entry.key { object[other.key] = json(other.value, format) }
            #expect(try whole.refusal(of: .object(object), format) == "params.\(entry.key) missing")
        }
    }

    @Test(arguments: [Double.nan, .infinity, -.infinity])
    func `NaN and the infinities are refused unless they are let in`(_ number: Double) throws {
        let strict = SlotList(Field.number("n"))
        let open = SlotList(Field.anyNumber("n"))
        for format in [WireFormat.messagePack, .cbor, .protobuf] {
            let bytes = try open.bytes(number, format)
            #expect(strict.refusal(bytes, format) == "params.n not_finite")
            #expect(try open.values(bytes, format).bitPattern == number.bitPattern)
        }
        #expect(throws: Fault.self) { _ = try open.bytes(number, .json) }
        #expect(strict.refusal(Array(#"{"n":1e999}"#.utf8), .json) == "params.n out_of_range")
        #expect(strict.refusal(Array(#"{"n":NaN}"#.utf8), .json) == "params.n malformed")
    }

    @Test func `the same key twice is refused wherever it stands`() {
        let two = SlotList(Field.int("a"), Field.int("b"))
        for text in [
            #"{"a":1,"a":1,"b":1}"#, #"{"a":1,"b":1,"a":1}"#, #"{"b":1,"a":1,"a":1}"#, #"{"a":1,"b":1,"\u0061":1}"#,
        ] {
            #expect(two.refusal(Array(text.utf8), .json) == "params.a duplicate_key")
        }
        #expect(two.refusal([0x08, 1, 0x10, 1, 0x08, 1], .protobuf) == "params.a duplicate_key")
        #expect(two.refusal(Array(#"{"b":7x,"a":1}"#.utf8), .json) == "params malformed")
        #expect(two.refusal(Array(#"{"b":7.5,"a":1}"#.utf8), .json) == "params.b wrong_type")
    }

    @Test func `Protobuf takes fields in another order and refuses unknown, missing and mistyped ones`() throws {
        let pair = SlotList(
            Field.int("a"),
            .array("l", 0...3, of: .int("n")),
            .array("t", 0...3, of: .string("s", 0...3))
        )
        let shuffled: [UInt8] = [0x1A, 1, 0x61, 0x1A, 1, 0x62, 0x12, 2, 5, 6, 0x08, 9]
        let values = try pair.values(shuffled, .protobuf)
        #expect(values.0 == 9 && values.1 == [5, 6] && values.2 == ["a", "b"])
        let unpacked = try pair.values([0x10, 5, 0x10, 6, 0x08, 9], .protobuf)
        #expect(unpacked.0 == 9 && unpacked.1 == [5, 6] && unpacked.2 == [])
        #expect(pair.refusal([0x12, 1, 5], .protobuf) == "params.a missing")
        #expect(pair.refusal([0x08, 1, 0x20, 1], .protobuf) == "params.#4 unknown_field")
        #expect(pair.refusal([0x09, 1, 0, 0, 0, 0, 0, 0, 0], .protobuf) == "params.a wrong_type")
        // A list's elements stand together; what comes later is the same field again.
        #expect(pair.refusal([0x10, 5, 0x08, 9, 0x10, 6], .protobuf) == "params.l duplicate_key")
    }

    @Test func `what is nested deeper than anything is refused, and does not recurse`() {
        let one = SlotList(Field.bool("a"))
        let deep = String(repeating: "[", count: 100_000)
        #expect(one.refusal(Array((#"{"b":"# + deep).utf8), .json) == "params.b unknown_field")
        let two = SlotList(Field.bool("a"), Field.bool("b"))
        #expect(two.refusal(Array((#"{"b":"# + deep).utf8), .json) == "params.b too_deep")
    }

    @Test func `a name from outside is shown short, however many accents its letters have`() {
        let name = "e" + String(repeating: "\u{301}", count: 200_000)
        let one = SlotList(Field.bool("a"))
        #expect(one.refusal(Array("{\"\(name)\":1}".utf8), .json).utf8.count < 200)
        let map = SlotList(Field.map("m", 0...3, of: .bool("b")))
        let refused = map.refusal(Array("{\"m\":{\"\(name)\":true}}".utf8), .json)
        #expect(refused.hasSuffix(" too_long") && refused.utf8.count < 200)
    }

    @Test func `no bytes at all are an object without fields`() throws {
        let optional = SlotList(Field.optional(.bool("a")))
        for format in WireFormat.allCases { #expect(try optional.values([], format) == nil) }
        #expect(SlotList(Field.bool("a")).refusal([], .cbor) == "params.a missing")
    }

    @Test func `characters are counted and judged, not bytes`() throws {
        let line = SlotList(Field.string("t", 2...3, .line))
        func judged(_ text: String) throws -> String { try line.refusal(of: ["t": .string(text)], .json) }
        #expect(try judged("äöü") == "accepted")
        #expect(try judged("ä") == "params.t too_short")
        #expect(try judged("äöüß") == "params.t too_long")
        #expect(try judged("a\nb") == "params.t bad_character")
        #expect(try judged("a\u{85}") == "params.t bad_character")
        #expect(try judged("👍🏽") == "accepted")
        let only = SlotList(Field.string("t", 1...9, .only("abä")))
        #expect(try only.refusal(of: ["t": "bäa"], .cbor) == "accepted")
        #expect(try only.refusal(of: ["t": "bäö"], .cbor) == "params.t bad_character")
    }
}
