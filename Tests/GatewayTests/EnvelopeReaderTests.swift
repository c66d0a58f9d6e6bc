import Base
import Testing
import Wire

@testable import Gateway

/// What a frame held, in words that a test can compare.
struct ReadFrame: Equatable {
    var items: [String] = []
    var malformed: WireError?
}

@Suite struct EnvelopeReaderTests {
    @Test(arguments: WireFormat.allCases)
    func `the example call is found with its places`(format: WireFormat) throws {
        let bytes = try frame(exampleCall, format)
        let read = EnvelopeFrames.read(bytes, format)
        #expect(read.items == ["rpc id=12345 method=player.attack params"])
        #expect(read.malformed == nil)
    }

    @Test(arguments: WireFormat.allCases)
    func `every field of a call is read`(format: WireFormat) throws {
        let bytes = try frame(
            #"{"type":"rpc","method":"chat.say","seq":7,"key":"k-1","deadline_ms":250,"trace":"00-x","params":{}}"#,
            format
        )
        #expect(
            EnvelopeFrames.read(bytes, format).items == [
                "rpc method=chat.say seq=7 key=k-1 deadline=250 trace=00-x params"
            ]
        )
    }

    @Test(arguments: WireFormat.allCases)
    func `responses, acks and pings are read`(format: WireFormat) throws {
        let texts = [
            #"{"type":"response","id":3,"result":{"yes":true}}"#,
            #"{"type":"response","id":3,"error":{"code":"TIMEOUT"}}"#,
            #"{"type":"ack","seq":64}"#, #"{"type":"ping","t":1.5}"#,
        ]
        let expected = ["response id=3 result", "response id=3 error", "ack seq=64", "ping t=1.5"]
        for (text, words) in zip(texts, expected) {
            #expect(EnvelopeFrames.read(try frame(text, format), format) == ReadFrame(items: [words]))
        }
    }

    @Test(arguments: WireFormat.allCases)
    func `a batch is read one by one, and a long one is cut`(format: WireFormat) throws {
        let one = #"{"type":"ack","seq":1}"#
        let three = EnvelopeFrames.read(try batch([one, #"{"type":"ping","t":2.0}"#, one], format), format)
        #expect(three == ReadFrame(items: ["ack seq=1", "ping t=2.0", "ack seq=1"]))
        let many = EnvelopeFrames.read(try batch(Array(repeating: one, count: 66), format), format)
        #expect(many.items.count == 65)
        #expect(many.items.last == "refused tooMany envelope")
        #expect(many.malformed == nil)
    }

    @Test func `an empty batch is refused`() throws {
        for format in [WireFormat.json, .messagePack, .cbor] {
            #expect(EnvelopeFrames.read(try frame("[]", format), format).items == ["refused emptyBatch envelope"])
        }
    }

    @Test(arguments: [
        (#"{"type":"rpc","id":1,"method":"a.b","colour":"red"}"#, "refused unknownField colour id=1"),
        (#"{"type":"rpc","id":1,"id":2,"method":"a.b"}"#, "refused duplicateField id id=1"),
        (#"{"type":"rpc","id":1}"#, "refused missing method id=1"),
        (#"{"type":"rpc","id":"one","method":"a.b"}"#, "refused wrongType id"),
        (#"{"type":"rpc","id":-1,"method":"a.b"}"#, "refused outOfRange id"),
        (#"{"type":"rpc","id":9007199254740992,"method":"a.b"}"#, "refused outOfRange id"),
        (#"{"type":"rpc","id":99999999999999999999,"method":"a.b"}"#, "refused outOfRange id"),
        (#"{"type":"rpc","method":7,"id":5}"#, "refused wrongType method id=5"),
        (#"{"type":"hello","id":5}"#, "refused unknownType type id=5"),
        (#"{"type":"event","id":5}"#, "refused unknownType type id=5"),
        (#"{"id":5}"#, "refused missing type id=5"),
        (#"{"type":"ack","seq":5,"id":4}"#, "refused unknownField id id=4"),
        (#"{"type":"ping"}"#, "refused missing t"),
        (#"{"type":"response","id":1,"result":1,"error":{}}"#, "refused duplicateField error id=1"),
        (#"{"type":"rpc","id":1,"method":"a.b","deadline_ms":1.5}"#, "refused wrongType deadline_ms id=1"),
    ])
    func `a rule that is broken is told by the field's name`(text: String, expected: String) throws {
        #expect(EnvelopeFrames.read(Array(text.utf8), .json).items == [expected])
    }

    @Test func `names that are too long are refused, not kept`() {
        let long = String(repeating: "m", count: 129)
        #expect(
            EnvelopeFrames.read(Array(#"{"type":"rpc","id":1,"method":"\#(long)"}"#.utf8), .json).items
                == ["refused tooLong method id=1"]
        )
    }

    @Test(arguments: ["", "{", "[", "[1]", "7", #""rpc""#, "{}x", #"{"type":rpc}"#, #"[{"type":"ack","seq":1},]"#])
    func `what is no envelope at all is malformed`(text: String) {
        #expect(EnvelopeFrames.read(Array(text.utf8), .json).malformed != nil)
    }

    @Test(arguments: WireFormat.allCases)
    func `no prefix of a frame is taken for a whole one`(format: WireFormat) throws {
        let whole = try frame(
            #"{"type":"rpc","id":12345,"method":"player.attack","params":{"a":[1,2,{"b":"\u00e9"}]},"key":"x"}"#,
            format
        )
        for count in 0..<whole.count {
            let read = EnvelopeFrames.read(Array(whole[..<count]), format)
            // A prefix of Protobuf that ends between two fields is a message of its own.
            let isCut = read.malformed != nil || format == .protobuf
            #expect(isCut, "\(count) bytes")
        }
    }

    @Test func `escapes in names are understood`() {
        let text = #"{"\u0074ype":"rpc","id":1,"method":"player\u002eattack","key":"\u00e9"}"#
        #expect(EnvelopeFrames.read(Array(text.utf8), .json).items == ["rpc id=1 method=player.attack key=é"])
    }

    @Test func `fields in any order, and with spaces, are the same envelope`() {
        let text = " { \"params\" : { } , \"method\" : \"a.b\" , \"id\" : 4 , \"type\" : \"rpc\" } "
        #expect(EnvelopeFrames.read(Array(text.utf8), .json).items == ["rpc id=4 method=a.b params"])
    }

    @Test func `CBOR in chunks and of indefinite length is the same envelope`() {
        // {_ "type": (_ "r", "pc"), "id": 1, "method": (_ "a.", "b") }
        let bytes: [UInt8] =
            [0xBF, 0x64] + Array("type".utf8) + [0x7F, 0x61, 0x72, 0x62, 0x70, 0x63, 0xFF]
            + [0x62] + Array("id".utf8) + [0x01, 0x66] + Array("method".utf8)
            + [0x7F, 0x62, 0x61, 0x2E, 0x61, 0x62, 0xFF, 0xFF]
        #expect(EnvelopeFrames.read(bytes, .cbor) == ReadFrame(items: ["rpc id=1 method=a.b"]))
    }

    @Test func `a number of Protobuf that nobody knows is refused by its number`() {
        // type = rpc, id = 1, field 77 = 1
        let read = EnvelopeFrames.read([0x08, 0x01, 0x10, 0x01, 0xE8, 0x04, 0x01], .protobuf)
        #expect(read.items == ["refused unknownField #77 id=1"])
    }
}

let exampleCall =
    #"{"type":"rpc","id":12345,"method":"player.attack","params":{"target_id":"player_2","weapon":"sword"}}"#

/// An envelope in any format, from its JSON.
func frame(_ json: String, _ format: WireFormat) throws -> [UInt8] {
    guard format != .json else { return Array(json.utf8) }
    var text = ByteBuffer()
    text.append(utf8: json)
    let value = try Value(text.bytes, as: .json)
    var output = ByteBuffer()
    if format == .protobuf { try protobuf(value, &output) } else { try value.write(format, to: &output) }
    return output.array()
}

func batch(_ items: [String], _ format: WireFormat) throws -> [UInt8] {
    guard format == .protobuf else { return try frame("[" + items.joined(separator: ",") + "]", format) }
    var output: [UInt8] = []
    for item in items {
        let envelope = try frame(item, .protobuf)
        // Field 100, as bytes of a length below 128.
        output += [0xA2, 0x06, UInt8(envelope.count)] + envelope
    }
    return output
}

private let keys: [FieldKey] = [
    EnvelopeKey.type, EnvelopeKey.id, EnvelopeKey.method, EnvelopeKey.params, EnvelopeKey.result, EnvelopeKey.error,
    EnvelopeKey.seq, EnvelopeKey.key, EnvelopeKey.deadline, EnvelopeKey.trace, EnvelopeKey.clock,
]

private func protobuf(_ value: Value, _ output: inout ByteBuffer) throws {
    guard case .object(let object) = value else { return }
    var writer = ProtobufWriter()
    var scope = try writer.beginObject(count: nil, to: &output)
    for entry in object.entries {
        guard let key = keys.first(where: { $0.name == entry.key }) else { continue }
        try writer.key(key, in: &scope, to: &output)
        switch entry.value {
        case .string(let text) where key === EnvelopeKey.type:
            let kind = [EnvelopeKind.rpc, .response, .event, .request, .ack, .ping].first { "\($0.word)" == text }
            try writer.uint64(UInt64(kind?.rawValue ?? 99), to: &output)
        case .string(let text): try writer.string(text, to: &output)
        case .int(let number): try writer.int64(number, to: &output)
        case .double(let number): try writer.double(number, to: &output)
        default:
            // What is inside is a message of somebody else's; its JSON is as good as any bytes.
            var inside = ByteBuffer()
            try entry.value.write(.json, to: &inside)
            try writer.bytes(inside.bytes, to: &output)
        }
    }
}
