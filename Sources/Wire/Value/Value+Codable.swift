// A value inside of a type that is coded: it stays what it is. Only this room's coder has somewhere to put it.
extension Value: Codable {
    /// Takes the value that stands here.
    public init(from decoder: any Decoder) throws {
        guard let slot = decoder as? DecodingSlot else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "a Value is read by ValueDecoder only")
            )
        }
        self = slot.value
    }

    /// Puts the value here.
    public func encode(to encoder: any Encoder) throws {
        throw EncodingError.invalidValue(
            self,
            .init(codingPath: encoder.codingPath, debugDescription: "a Value is written by ValueEncoder only")
        )
    }

    /// What kind of value this is, for an error's text.
    var kindName: String {
        switch self {
        case .null: "null"
        case .bool: "a truth value"
        case .int, .uint, .double: "a number"
        case .string: "a text"
        case .bytes: "bytes"
        case .array: "an array"
        case .object: "an object"
        }
    }
}
