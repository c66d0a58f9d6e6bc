internal import Wire

/// Shapes as JSON Schema 2020-12, which OpenAPI 3.1 and AsyncAPI 3 speak.
struct JSONSchema {
    let names: TypeNames

    /// Every named type.
    var definitions: Value {
        var all = Value.Object()
        for type in names.types.sorted(by: { $0.name < $1.name }) { all[type.name] = schema(of: type.shape) }
        return .object(all)
    }

    /// Points to a named type.
    func reference(to object: ObjectShape) -> Value { reference(to: object, owner: "") }

    /// Points to a type that may have no name but its owner's.
    func reference(to object: ObjectShape, owner: String) -> Value {
        ["$ref": "#/components/schemas/\(names.name(of: object, owner: owner))"]
    }

    private func schema(of object: ObjectShape) -> Value {
        var properties = Value.Object()
        var required: [Value] = []
        for field in object.fields {
            var schema = schema(of: field.shape)
            if !field.note.isEmpty { schema = schema.with("description", .string(field.note)) }
            properties[field.name] = schema
            if case .optional = field.shape { continue }
            required.append(.string(field.name))
        }
        var result: Value = ["type": "object", "properties": .object(properties)]
        if !required.isEmpty { result = result.with("required", .array(required)) }
        return result.with("additionalProperties", false)
    }

    func schema(of shape: Shape) -> Value {
        switch shape {
        case .bool: ["type": "boolean"]
        case .int(let range): Self.integer(range)
        case .number(let range, _): Self.number(range)
        case .text(let length, let characters): Self.text(length, characters)
        case .choice(let words): ["type": "string", "enum": .array(words.map { .string($0) })]
        case .bytes(let count): Self.bytes(count)
        case .array(let element, let count):
            [
                "type": "array", "items": schema(of: element), "minItems": .count(count.lowerBound),
                "maxItems": .count(count.upperBound),
            ]
        case .map(let element, let count, let nameLengthMax):
            [
                "type": "object", "additionalProperties": schema(of: element),
                "propertyNames": ["maxLength": .count(nameLengthMax)],
                "minProperties": .count(count.lowerBound), "maxProperties": .count(count.upperBound),
            ]
        case .object(let object): reference(to: object)
        case .optional(let wrapped): ["anyOf": [schema(of: wrapped), ["type": "null"]]]
        case .vector2(let range): Self.vector(["x", "y"], range)
        case .vector3(let range): Self.vector(["x", "y", "z"], range)
        case .player: Self.name("The name of a player.")
        case .room: Self.name("The name of a room.")
        case .timestamp: Self.integer(0...9_007_199_254_740_991).with("description", "Milliseconds since 1970.")
        }
    }

    private static func integer(_ range: ClosedRange<Int64>) -> Value {
        ["type": "integer", "format": "int64", "minimum": .int(range.lowerBound), "maximum": .int(range.upperBound)]
    }

    private static func number(_ range: ClosedRange<Double>?) -> Value {
        guard let range else { return ["type": "number", "format": "double"] }
        return [
            "type": "number", "format": "double", "minimum": .double(range.lowerBound),
            "maximum": .double(range.upperBound),
        ]
    }

    private static func text(_ length: ClosedRange<Int>, _ characters: TextCharacters) -> Value {
        let result: Value = [
            "type": "string", "minLength": .count(length.lowerBound), "maxLength": .count(length.upperBound),
        ]
        return characters.pattern.map { result.with("pattern", .string($0)) } ?? result
    }

    /// Base64 with padding, so a multiple of four letters.
    private static func bytes(_ count: ClosedRange<Int>) -> Value {
        [
            "type": "string", "contentEncoding": "base64", "minLength": .count((count.lowerBound * 4 + 2) / 3),
            "maxLength": .count((count.upperBound + 2) / 3 * 4),
        ]
    }

    private static func vector(_ axes: [String], _ range: ClosedRange<Double>?) -> Value {
        var properties = Value.Object()
        for axis in axes { properties[axis] = number(range) }
        return [
            "type": "object", "properties": .object(properties), "required": .array(axes.map { .string($0) }),
            "additionalProperties": false,
        ]
    }

    private static func name(_ description: String) -> Value {
        [
            "type": "string", "minLength": 1, "maxLength": 31, "pattern": "^[A-Za-z0-9_.-]+$",
            "description": .string(description),
        ]
    }
}

extension TextCharacters {
    /// A regular expression of ECMA 262 for texts of these characters; none is needed for all of them.
    var pattern: String? {
        switch self {
        case .any: nil
        case .line: "^[^\\u0000-\\u001F\\u007F-\\u009F\\u2028\\u2029]*$"
        case .identifier: "^[A-Za-z0-9_.-]*$"
        case .only(let characters):
            "^["
                + characters.unicodeScalars.map { "\\]^-".unicodeScalars.contains($0) ? "\\\($0)" : String($0) }
                .joined()
                + "]*$"
        }
    }
}

extension Value {
    /// A length or count.
    static func count(_ number: Int) -> Value { .int(Int64(number)) }

    /// An object with one more entry at its end.
    func with(_ key: String, _ value: Value) -> Value {
        guard case .object(var object) = self else { return self }
        object[key] = value
        return .object(object)
    }
}
