import Base
import Testing
import Wire

/// One decoder and one encoder for all four formats, as a contract is.
private struct Attack: Equatable {
    var id: Int64 = 0
    var target = ""
    var weapon = ""
    var power = 0.0
    var path: [Int64] = []
    var critical = false
    var blob: [UInt8] = []
    var inner: [String] = []

    static let idKey = FieldKey("id", number: 1)
    static let targetKey = FieldKey("target_id", number: 2)
    static let weaponKey = FieldKey("weapon\"\n", number: 3)
    static let powerKey = FieldKey("power", number: 4)
    static let pathKey = FieldKey("path", number: 5)
    static let criticalKey = FieldKey("critical", number: 16)
    static let blobKey = FieldKey("blob", number: 1_000)
    static let innerKey = FieldKey("inner", number: 6)

    func write<Writer: WireWriter>(_ writer: inout Writer, _ output: inout ByteBuffer) throws(WireError) {
        var scope = try writer.beginObject(count: 8, to: &output)
        try writer.key(Self.idKey, in: &scope, to: &output)
        try writer.int64(id, to: &output)
        try writer.key(Self.targetKey, in: &scope, to: &output)
        try writer.string(target, to: &output)
        try writer.key(Self.weaponKey, in: &scope, to: &output)
        try writer.string(weapon, to: &output)
        try writer.key(Self.powerKey, in: &scope, to: &output)
        try writer.double(power, to: &output)
        try writer.key(Self.pathKey, in: &scope, to: &output)
        var array = try writer.beginArray(count: path.count, to: &output)
        for step in path {
            try writer.element(in: &array, to: &output)
            try writer.int64(step, to: &output)
        }
        try writer.endArray(array, to: &output)
        try writer.key(Self.criticalKey, in: &scope, to: &output)
        try writer.bool(critical, to: &output)
        try writer.key(Self.blobKey, in: &scope, to: &output)
        try writer.bytes(blob.span.bytes, to: &output)
        try writer.key(Self.innerKey, in: &scope, to: &output)
        var objects = try writer.beginArray(count: inner.count, to: &output)
        for name in inner {
            try writer.element(in: &objects, to: &output)
            var object = try writer.beginObject(count: 1, to: &output)
            try writer.key(Self.targetKey, in: &object, to: &output)
            try writer.string(name, to: &output)
            try writer.endObject(object, to: &output)
        }
        try writer.endArray(objects, to: &output)
        try writer.endObject(scope, to: &output)
    }

    /// Keys in any order; `fast` first tries the usual one.
    init<Reader: WireReader & ~Escapable>(_ reader: inout Reader, fast: Bool) throws(WireError) {
        var scope = try reader.beginObject()
        if fast, try reader.matchKey(Self.idKey, in: &scope) { id = try reader.int64() }
        if fast, try reader.matchKey(Self.targetKey, in: &scope) { target = try reader.string() }
        if fast, try reader.matchKey(Self.weaponKey, in: &scope) { weapon = try reader.string() }
        while let key = try reader.nextKey(in: &scope) {
            if key.matches(Self.idKey) {
                id = try reader.int64()
            } else if key.matches(Self.targetKey) {
                target = try reader.string()
            } else if key.matches(Self.weaponKey) {
                weapon = try reader.string()
            } else if key.matches(Self.powerKey) {
                power = try reader.double()
            } else if key.matches(Self.pathKey) {
                var array = try reader.beginArray(of: .integer)
                while try reader.nextElement(in: &array) { path.append(try reader.int64()) }
            } else if key.matches(Self.criticalKey) {
                critical = try reader.bool()
            } else if key.matches(Self.blobKey) {
                blob = try reader.bytes().array()
            } else if key.matches(Self.innerKey) {
                var array = try reader.beginArray()
                while try reader.nextElement(in: &array) {
                    var object = try reader.beginObject()
                    while try reader.nextKey(in: &object) != nil { inner.append(try reader.string()) }
                }
            } else {
                try reader.skipValue()
            }
        }
        try reader.finish()
    }

    init() {}
}

@Suite("The shape of all formats") struct ShapeTests {
    private func roundTrip<Reader: WireReader & ~Escapable, Writer: WireWriter>(
        _ attack: Attack,
        _ reader: Reader.Type,
        _ writer: Writer.Type
    ) throws {
        var output = ByteBuffer()
        var writer = Writer()
        try attack.write(&writer, &output)
        for fast in [true, false] {
            var reader = Reader(output.bytes)
            #expect(try Attack(&reader, fast: fast) == attack)
        }
    }

    @Test(arguments: [0, 1, 15, 16, 200])
    func `one generic decoder and encoder serve every format`(count: Int) throws {
        var attack = Attack()
        attack.id = -5
        attack.target = "player_\(count)"
        attack.weapon = String(repeating: "ß", count: count)
        attack.power = 1.5
        attack.path = (0..<count).map { Int64($0) - 8 }
        attack.critical = true
        attack.blob = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        attack.inner = (0..<count).map { String(repeating: "x", count: $0) }
        try roundTrip(attack, JSONReader.self, JSONWriter.self)
        try roundTrip(attack, MessagePackReader.self, MessagePackWriter.self)
        try roundTrip(attack, CBORReader.self, CBORWriter.self)
        try roundTrip(attack, ProtobufReader.self, ProtobufWriter.self)
    }

    @Test func `a key that does not match leaves the reader where it was`() throws {
        let first = FieldKey("first", number: 1)
        let second = FieldKey("second", number: 2)
        for format in selfDescribing {
            let message = buffer(try written(.object(["first": 1, "second": 2]), as: format))
            func check<Reader: WireReader & ~Escapable>(_ reader: inout Reader) throws {
                var scope = try reader.beginObject()
                #expect(try !reader.matchKey(second, in: &scope))
                #expect(try reader.matchKey(first, in: &scope))
                #expect(try reader.int64() == 1)
                #expect(try !reader.matchKey(first, in: &scope))
                #expect(try reader.matchKey(second, in: &scope))
                #expect(try reader.int64() == 2)
                #expect(try !reader.matchKey(second, in: &scope))
                try reader.endObject(&scope)
                try reader.finish()
            }
            switch format {
            case .json:
                var reader = JSONReader(message.bytes)
                try check(&reader)
            case .messagePack:
                var reader = MessagePackReader(message.bytes)
                try check(&reader)
            default:
                var reader = CBORReader(message.bytes)
                try check(&reader)
            }
        }
    }

    @Test func `an object that has more than was read is not left silently`() throws {
        let message = buffer(bytes(#"{"a":1,"b":2}"#))
        var reader = JSONReader(message.bytes)
        var scope = try reader.beginObject()
        #expect(try reader.matchKey(FieldKey("a", number: 1), in: &scope))
        _ = try reader.int64()
        #expect(throws: WireError(.excessEntry, expected: .endOfObject, at: 6)) { try reader.endObject(&scope) }
    }

    @Test func `announcing another number of entries than written is our bug`() async {
        await #expect(processExitsWith: .failure) {
            var output = ByteBuffer()
            var writer = MessagePackWriter()
            let scope = try writer.beginArray(count: 1, to: &output)
            try writer.endArray(scope, to: &output)
        }
        await #expect(processExitsWith: .failure) {
            var output = ByteBuffer()
            var writer = CBORWriter()
            var scope = try writer.beginArray(count: 0, to: &output)
            try writer.element(in: &scope, to: &output)
        }
        await #expect(processExitsWith: .failure) { _ = FieldKey("reserved", number: 19_000) }
    }

    @Test func `an error says what was expected and where`() {
        let error = WireError(.unexpectedByte, expected: .colon, at: 7)
        #expect(error.description == "unexpectedByte at byte 7: expected a colon")
    }
}
