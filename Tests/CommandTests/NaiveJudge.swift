import Contracts
import Wire

@testable import Command

/// A decoder-validator as simple as it can be, over what an attack means rather than over its bytes.
enum Naive {
    typealias Refusal = (field: String, problem: String)

    static func judge(_ value: AttackValue, _ shape: Shape, at path: String) -> Refusal? {
        switch shape {
        case .optional(let wrapped):
            if case .plain(.null) = value { return nil }
            return judge(value, wrapped, at: path)
        case .bool: if case .plain(.bool) = value { return nil }
        case .int(let range): return int(value, range, path)
        case .timestamp: return int(value, 0...(1 << 53 - 1), path)
        case .number(let range, let admits): return number(value, range, admits, path)
        case .text(let length, let characters): return text(value, length, characters, path)
        case .player, .room: return text(value, 1...31, .identifier, path)
        case .choice(let words):
            if case .plain(.string(let word)) = value { return words.contains(word) ? nil : (path, "unknown_choice") }
        case .bytes(let count):
            if case .plain(.bytes(let bytes)) = value {
                return bytes.count < count.lowerBound
                    ? (path, "too_short") : bytes.count > count.upperBound ? (path, "too_long") : nil
            }
        case .array(let element, let count): return list(value, element, count, path)
        case .map(let inner, let count, let longest): return map(value, inner, count, longest, path)
        case .object(let object): return self.object(value, object, path)
        case .vector2(let range): return object(value, AttackSamples.components(2, range), path)
        case .vector3(let range): return object(value, AttackSamples.components(3, range), path)
        }
        return (path, "wrong_type")
    }

    private static func int(_ value: AttackValue, _ range: ClosedRange<Int64>, _ path: String) -> Refusal? {
        switch value {
        case .plain(.int(let number)): range.contains(number) ? nil : (path, "out_of_range")
        case .plain(.uint): (path, "out_of_range")
        default: (path, "wrong_type")
        }
    }

    private static func number(
        _ value: AttackValue,
        _ range: ClosedRange<Double>?,
        _ admits: Bool,
        _ path: String
    ) -> Refusal? {
        switch value {
        case .plain(.int): return nil
        case .plain(.double(let number)) where !number.isFinite: return admits ? nil : (path, "not_finite")
        case .plain(.double(let number)): return range?.contains(number) ?? true ? nil : (path, "out_of_range")
        default: return (path, "wrong_type")
        }
    }

    private static func text(
        _ value: AttackValue,
        _ length: ClosedRange<Int>,
        _ characters: TextCharacters,
        _ path: String
    ) -> Refusal? {
        guard case .plain(.string(let text)) = value else { return (path, "wrong_type") }
        let scalars = text.unicodeScalars
        if scalars.count < length.lowerBound { return (path, "too_short") }
        if scalars.count > length.upperBound { return (path, "too_long") }
        let isGood = scalars.allSatisfy { scalar in
            switch characters {
            case .any: true
            case .line: scalar.value >= 32 && scalar.value != 127 && scalar.value != 0x2028
            case .identifier:
                scalar.isASCII && (scalar.properties.isAlphabetic || "0123456789_-.".contains(Character(scalar)))
            case .only(let all): all.unicodeScalars.contains(scalar)
            }
        }
        return isGood ? nil : (path, "bad_character")
    }

    private static func list(
        _ value: AttackValue,
        _ element: Shape,
        _ count: ClosedRange<Int>,
        _ path: String
    ) -> Refusal? {
        let values: [AttackValue]
        switch value {
        case .list(let all): values = all
        case .plain(.array(let all)): values = all.map { .plain($0) }
        default: return (path, "wrong_type")
        }
        if values.count < count.lowerBound { return (path, "too_few") }
        if values.count > count.upperBound { return (path, "too_many") }
        for (index, value) in values.enumerated() {
            if let refusal = judge(value, element, at: "\(path)[\(index)]") { return refusal }
        }
        return nil
    }

    private static func map(
        _ value: AttackValue,
        _ shape: Shape,
        _ count: ClosedRange<Int>,
        _ longest: Int,
        _ path: String
    ) -> Refusal? {
        guard case .map(let entries) = value else { return (path, "wrong_type") }
        var seen: Set<String> = []
        for entry in entries {
            if entry.name.isEmpty { return ("\(path).", "too_short") }
            if entry.name.count > longest { return ("\(path).\(entry.name.prefix(32))", "too_long") }
            if !seen.insert(entry.name).inserted { return ("\(path).\(entry.name)", "duplicate_key") }
        }
        if entries.count < count.lowerBound { return (path, "too_few") }
        if entries.count > count.upperBound { return (path, "too_many") }
        for entry in entries {
            if let refusal = judge(entry.value, shape, at: "\(path).\(entry.name)") { return refusal }
        }
        return nil
    }

    static func object(_ value: AttackValue, _ object: ObjectShape, _ path: String) -> Refusal? {
        let fields: [AttackValue.Field]
        switch value {
        case .fields(let all): fields = all
        case .plain(.object(let all)):
            fields = all.entries.map { .init(name: $0.key, number: 0, value: .plain($0.value)) }
        default: return (path, "wrong_type")
        }
        var seen: Set<String> = []
        for field in fields {
            let at = "\(path).\(field.name)"
            guard let known = object.fields.first(where: { $0.name == field.name }) else {
                return (at, "unknown_field")
            }
            if !seen.insert(field.name).inserted { return (at, "duplicate_key") }
            if let refusal = judge(field.value, known.shape, at: at) { return refusal }
        }
        for field in object.fields where !seen.contains(field.name) {
            if case .optional = field.shape { continue }
            return ("\(path).\(field.name)", "missing")
        }
        return nil
    }
}
