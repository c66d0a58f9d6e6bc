import Base
import Testing
import Wire

@testable import Contracts

/// What a gateway gives handlers.
final class Player {
    var seen: [String] = []
}

enum Stance: String, Choice { case low, high, flying }

struct Item: Message, Equatable {
    var name: String
    var count: Int
    var tags: [String]
    static let fields = Fields(
        Item.init,
        .string("name", \.name, 1...8, .identifier),
        .int("count", \.count, 1...99),
        .array("tags", \.tags, 0...2, of: .string("tag", 1...4))
    )
}

/// Every kind of number, text and name.
struct Scalars: Message, Equatable {
    var flag: Bool
    var count: Int
    var large: Int64
    var power: Double
    var text: String
    var stance: Stance
    var blob: Bytes
    var player: PlayerID
    var at: Timestamp
    static let fields = Fields(
        Scalars.init,
        .bool("flag", \.flag),
        .int("count", \.count, -10...10),
        .int64("large", \.large),
        .number("power", \.power, 0...1),
        .string("text", \.text, 0...10),
        .choice("stance", \.stance),
        .bytes("blob", \.blob, 0...4),
        .player("player", \.player),
        .timestamp("at", \.at)
    )
}

/// Every kind that holds others, and `Scalars`.
struct Everything: Message, Equatable {
    var numbers: [Int]
    var items: [Item]
    var scores: [String: Double]
    var note: String?
    var place: Vector3
    var aim: Vector2
    var room: RoomID?
    var scalars: Scalars
    static let fields = Fields(
        Everything.init,
        .array("numbers", \.numbers, 0...5, of: .int("n", 0...1_000)),
        .array("items", \.items, 0...3, of: .object("item")),
        .map("scores", \.scores, 0...3, of: .number("score"), nameLengthMax: 5),
        .optional(\.note, .string("note", 1...5)),
        .vector3("place", \.place, -100...100),
        .vector2("aim", \.aim),
        .optional(\.room, .room("room")),
        .object("scalars", \.scalars)
    )
}

func scalars() throws -> Scalars {
    Scalars(
        flag: true,
        count: -3,
        large: .min,
        power: 0.25,
        text: "häß\n\"x",
        stance: .flying,
        blob: [1, 2, 255],
        player: try #require(PlayerID("player_2")),
        at: Timestamp(milliseconds: 1_763_726_400_000)
    )
}

func everything() throws -> Everything {
    Everything(
        numbers: [0, 1_000, 7],
        items: [Item(name: "sword", count: 1, tags: ["a", "b"])],
        scores: ["b": 1, "a": -0.0, "ä": 2.5],
        note: "hi",
        place: Vector3(1, 2, -3.5),
        aim: Vector2(0, 1),
        room: nil,
        scalars: try scalars()
    )
}

let whole = MessageCoder<Everything>()
let plain = MessageCoder<Scalars>()

extension ValueCoder {
    func bytes(_ values: Values, _ format: WireFormat) throws -> [UInt8] {
        var output = ByteBuffer()
        try encode(values, as: format, to: &output)
        return output.array()
    }

    func canonical(_ values: Values) throws -> [UInt8] {
        var output = ByteBuffer()
        try encodeCanonical(values, to: &output)
        return output.array()
    }

    func values(_ bytes: [UInt8], _ format: WireFormat) throws(Fault) -> Values {
        try decode(format, bytes.span.bytes)
    }

    func values(canonical bytes: [UInt8]) throws(Fault) -> Values { try decodeCanonical(bytes.span.bytes) }

    /// Why bytes are refused: path and problem.
    func refusal(_ bytes: [UInt8], _ format: WireFormat) -> String {
        do throws(Fault) {
            _ = try values(bytes, format)
            return "accepted"
        } catch {
            return "\(error.path(from: "params")) \(error.problem.rawValue)"
        }
    }

    /// Why a JSON-like value is refused, in one of the formats that need no schema.
    func refusal(of value: Value, _ format: WireFormat) throws -> String {
        var output = ByteBuffer()
        try value.write(format, to: &output)
        return refusal(output.array(), format)
    }
}

/// A value as a document, so that a test can spoil it.
func document<Root: Message>(_ root: Root) throws -> Value.Object {
    let bytes = try MessageCoder<Root>().bytes(root, .messagePack)
    guard case .object(let object) = try Value(bytes.span.bytes, as: .messagePack) else { throw Fault(.wrongType) }
    return object
}
