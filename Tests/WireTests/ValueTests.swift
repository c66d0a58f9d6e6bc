import Base
import Testing
import Wire

private struct Profile: Codable, Equatable {
    enum Rank: String, Codable { case bronze, gold }
    struct Item: Codable, Equatable {
        var name: String
        var count: UInt64
        var tags: [String]?
    }
    var name: String
    var level: Int
    var health: Double
    var speed: Float
    var rank: Rank
    var items: [Item]
    var scores: [String: Int8]
    var blob: [UInt8]
    var extra: Value
    var last: Item?
    var nothing: Int?
}

private let profile = Profile(
    name: "Zoë",
    level: -3,
    health: 2,
    speed: 0.1,
    rank: .gold,
    items: [.init(name: "sword", count: .max, tags: ["a", "b"]), .init(name: "", count: 0, tags: nil)],
    scores: ["x": -128, "y": 127],
    blob: [0, 255],
    extra: .object(["any": .array([1, .null, .bytes([7])])]),
    last: .init(name: "shield", count: 1, tags: []),
    nothing: nil
)

@Suite("Value") struct ValueTests {
    @Test(arguments: [WireFormat.messagePack, .cbor])
    func `a coded type comes back through a format with bytes`(format: WireFormat) throws {
        let value = try ValueEncoder().encode(profile)
        let message = try written(value, as: format)
        #expect(try ValueDecoder().decode(Profile.self, from: read(message, as: format)) == profile)
        #expect(try written(ValueEncoder().encode(profile), as: format) == message)
    }

    @Test func `a document in JSON reads as one expects`() throws {
        struct Point: Codable {
            var y = 1.5
            var x = 2
            var tags = ["a"]
        }
        let json = try written(ValueEncoder().encode(Point()), as: .json)
        #expect(text(json) == #"{"tags":["a"],"x":2,"y":1.5}"#)
    }

    @Test(arguments: [
        (#"{"a":"1"}"#, "typeMismatch"), (#"{"a":300}"#, "dataCorrupted"), (#"{"a":1.5}"#, "dataCorrupted"),
        (#"{"a":-1}"#, "dataCorrupted"), (#"{"a":null}"#, "valueNotFound"), (#"{}"#, "keyNotFound"),
        (#"[1]"#, "typeMismatch"),
        (#"{"a":1}"#, ""), (#"{"a":2.0}"#, ""),
    ])
    func `what does not fit is a decoding error`(_ json: String, _ expected: String) throws {
        struct Small: Codable { var a: UInt8 }
        let value = try read(bytes(json), as: .json)
        do {
            _ = try ValueDecoder().decode(Small.self, from: value)
            #expect(expected.isEmpty)
        } catch {
            #expect("\(error)".hasPrefix(expected) || "\(error)".contains(expected))
        }
    }

    @Test func `a class and its parent, and arrays of arrays, come back`() throws {
        class Parent: Codable { var a = 1 }
        final class Child: Parent {
            var b = [[1, 2], [3]]
            enum Keys: CodingKey { case b }
            override init() { super.init() }
            required init(from decoder: any Decoder) throws {
                let container = try decoder.container(keyedBy: Keys.self)
                b = try container.decode([[Int]].self, forKey: .b)
                try super.init(from: container.superDecoder())
            }
            override func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: Keys.self)
                try container.encode(b, forKey: .b)
                try super.encode(to: container.superEncoder())
            }
        }
        let child = Child()
        child.a = 9
        let value = try ValueEncoder().encode(child)
        #expect(try text(written(value, as: .json)) == #"{"b":[[1,2],[3]],"super":{"a":9}}"#)
        let again = try ValueDecoder().decode(Child.self, from: value)
        #expect(again.a == 9 && again.b == [[1, 2], [3]])
    }

    @Test(arguments: selfDescribing)
    func `a key that stands twice is refused, at its second place`(format: WireFormat) throws {
        for count in [2, 9, 10, 40] {
            let keys = (0..<count - 1).map { "k\($0)" } + ["k0"]
            let json = "{" + keys.map { "\"\($0)\":1" }.joined(separator: ",") + "}"
            let message = try transcoded(bytes(json), .json, format)
            do {
                _ = try read(message, as: format)
                Issue.record("twice the same key")
            } catch {
                #expect(error.kind == .duplicateKey)
                #expect(error.offset >= message.count - 8)
            }
        }
        #expect(throws: WireError(.duplicateKey, expected: .newKey, at: 6)) {
            try read(bytes(#"{"a":1,"\u0061":2}"#), as: .json)
        }
    }

    @Test func `keys that only look the same are different keys`() throws {
        let value = try read(bytes("{\"é\":1,\"e\u{301}\":2}"), as: .json)
        guard case .object(let object) = value else {
            Issue.record("an object")
            return
        }
        #expect(object.count == 2)
        #expect(object["e\u{301}"] == 2)
        #expect(Value.string("é") != Value.string("e\u{301}"))
    }

    @Test func `an object keeps its order through changes`() {
        var object = Value.Object()
        for number in 0..<20 { object["k\(number)"] = .int(Int64(number)) }
        object["k3"] = nil
        object["k5"] = .null
        object["new"] = 1
        #expect(object.count == 20)
        #expect(object.entries.map(\.key) == (0..<20).filter { $0 != 3 }.map { "k\($0)" } + ["new"])
        #expect(object["k19"] == 19 && object["k5"] == .null && object["k3"] == nil)
        for number in 4..<20 { object["k\(number)"] = nil }
        #expect(object.entries.map(\.key) == ["k0", "k1", "k2", "new"])
        #expect(object["new"] == 1)
    }

    @Test func `numbers are equal by what they are, not by their case`() {
        #expect(Value.int(5) == .uint(5) && Value.uint(5) == .int(5))
        #expect(Value.int(-1) != .uint(.max))
        #expect(Value.double(2) != .int(2))
        #expect(Value.double(.nan) == .double(.nan))
        #expect(Value.double(0) != .double(-0.0))
    }
}
