import Contracts
import Wire

/// Values that keep a shape's rules: what honest clients send, and what attacks are made of by changing one thing.
enum AttackSamples {
    /// A value in the middle of everything that the shape allows.
    static func value(_ shape: Shape) -> AttackValue {
        switch shape {
        case .bool: .plain(.bool(true))
        case .int(let range): .plain(.int(min(max(1, range.lowerBound), range.upperBound)))
        case .number(let range, _): .plain(.double(number(range)))
        case .text(let length, let characters):
            .plain(.string(text(max(length.lowerBound, min(4, length.upperBound)), characters)))
        case .choice(let words): .plain(.string(words.first ?? ""))
        case .bytes(let count):
            .plain(.bytes(Array(repeating: 7, count: max(count.lowerBound, min(4, count.upperBound)))))
        case .array(let element, let count): list(element, max(count.lowerBound, min(1, count.upperBound)))
        case .map(let value, let count, _): map(value, max(count.lowerBound, min(1, count.upperBound)))
        case .object(let object): fields(object)
        case .optional(let wrapped): value(wrapped)
        case .vector2(let range): vector(["x", "y"], range)
        case .vector3(let range): vector(["x", "y", "z"], range)
        case .player: .plain(.string("player_2"))
        case .room: .plain(.string("room_2"))
        case .timestamp: .plain(.int(1_700_000_000_000))
        }
    }

    /// An object with every field, optional ones too.
    static func fields(_ object: ObjectShape) -> AttackValue {
        .fields(object.fields.map { AttackValue.Field(name: $0.name, number: $0.number, value: value($0.shape)) })
    }

    /// A list of so many good elements.
    static func list(_ element: Shape, _ count: Int) -> AttackValue {
        .list(Array(repeating: value(element), count: count))
    }

    /// A map of so many good entries.
    static func map(_ shape: Shape, _ count: Int) -> AttackValue {
        .map((0..<count).map { AttackValue.Entry(name: "n\($0)", value: value(shape)) })
    }

    /// A text of so many allowed characters.
    static func text(_ count: Int, _ characters: TextCharacters) -> String {
        let letter: Character =
            switch characters {
            case .any, .line, .identifier: "a"
            case .only(let all): all.first ?? "a"
            }
        return String(repeating: letter, count: count)
    }

    /// A number within a range.
    static func number(_ range: ClosedRange<Double>?) -> Double {
        guard let range else { return 0.5 }
        return range.lowerBound + (range.upperBound - range.lowerBound) / 2
    }

    private static func vector(_ names: [String], _ range: ClosedRange<Double>?) -> AttackValue {
        .fields(
            names.enumerated().map { place, name in
                AttackValue.Field(name: name, number: UInt32(place + 1), value: .plain(.double(number(range))))
            }
        )
    }

    /// The fields of a vector, as those of an object.
    static func components(_ count: Int, _ range: ClosedRange<Double>?) -> ObjectShape {
        ObjectShape(
            name: "Vector\(count)",
            fields: zip(["x", "y", "z"], 1...3 as ClosedRange<UInt32>).prefix(count).map {
                FieldShape($0, number: $1, .number(range, admitsNonFinite: false))
            }
        )
    }
}
