/// Why bytes were refused, or could not be written: what was wrong, what was expected instead, and where.
public struct WireError: Error, Equatable, Sendable {
    /// What was wrong.
    public let kind: Kind
    /// What would have been right.
    public let expected: Expectation
    /// Where: the offset of the first byte that could not be accepted, counted from the start of the message.
    /// For an error of a writer, how many bytes it had written.
    public let offset: Int

    /// Names a refusal.
    @inlinable public init(_ kind: Kind, expected: Expectation, at offset: Int) {
        self.kind = kind
        self.expected = expected
        self.offset = offset
    }

    /// What was wrong.
    public enum Kind: UInt8, Equatable, Sendable {
        /// The message stops in the middle of something.
        case endOfInput
        /// A byte stands where no such byte may stand.
        case unexpectedByte
        /// A value of another type stands here.
        case wrongType
        /// Bytes follow after the end of the message.
        case trailingBytes
        /// A number is not written as numbers are.
        case malformedNumber
        /// A number does not fit into what should hold it.
        case numberOutOfRange
        /// A number has more digits than `WireLimits.numberBytesMax`.
        case numberTooLong
        /// A text is not UTF-8.
        case invalidUTF8
        /// A backslash is followed by something that is no escape.
        case invalidEscape
        /// Half of a surrogate pair stands alone.
        case loneSurrogate
        /// A control character stands unescaped in a text.
        case controlCharacter
        /// A text that should hold bytes is not base64.
        case invalidBase64
        /// Objects and arrays are nested deeper than `WireLimits.depthMax`.
        case tooDeep
        /// An object has the same key twice.
        case duplicateKey
        /// A key is something else than text.
        case keyNotText
        /// An object or array has more entries than were asked for.
        case excessEntry
        /// An object has no entry of this name.
        case missingKey
        /// A length or count is larger than the bytes that are left could ever hold.
        case impossibleLength
        /// The format reserves this byte, or has withdrawn what it meant.
        case reserved
        /// The format that is written has nothing that could hold this value.
        case noCounterpart
        /// The bytes say too little by themselves: only a schema knows what stands here.
        case needsSchema
    }

    /// What would have been right.
    public enum Expectation: UInt8, Equatable, Sendable {
        case value, null, bool, integer, unsignedInteger, number, finiteNumber, digit, text, utf8, escape, lowSurrogate
        case bytes, base64, key, textKey, newKey, fieldNumber, colon, comma, commaOrEnd, object, array, endOfObject
        case endOfArray, endOfMessage, fewerLevels, moreBytes, shorterNumber, definiteChunk, simpleValue, `extension`
        case knownWireType, knownFormat, schema
    }
}

extension WireError: CustomStringConvertible {
    /// One line for a person: `unexpectedByte at byte 7: expected a colon`.
    public var description: String { "\(kind) at byte \(offset): expected \(expected.words)" }
}

extension WireError.Expectation {
    /// The expectation in words, with its article.
    public var words: String {
        switch self {
        case .value: "a value"
        case .null: "null"
        case .bool: "true or false"
        case .integer: "a whole number within 64 bits"
        case .unsignedInteger: "a whole number from 0 within 64 bits"
        case .number: "a number"
        case .finiteNumber: "a finite number"
        case .digit: "a digit"
        case .text: "a text"
        case .utf8: "valid UTF-8"
        case .escape: "an escape such as \\n or \\u0041"
        case .lowSurrogate: "the low half of a surrogate pair"
        case .bytes: "bytes"
        case .base64: "bytes as base64"
        case .key: "a key"
        case .textKey: "a key that is text"
        case .newKey: "a key that was not there before"
        case .fieldNumber: "a field number from 1 to 536870911"
        case .colon: "a colon"
        case .comma: "a comma"
        case .commaOrEnd: "a comma or the end"
        case .object: "an object"
        case .array: "an array"
        case .endOfObject: "the end of the object"
        case .endOfArray: "the end of the array"
        case .endOfMessage: "the end of the message"
        case .fewerLevels: "at most \(WireLimits.depthMax) levels"
        case .moreBytes: "as many bytes as announced"
        case .shorterNumber: "at most \(WireLimits.numberBytesMax) bytes of number"
        case .definiteChunk: "a chunk of a definite length"
        case .simpleValue: "a simple value"
        case .extension: "an extension"
        case .knownWireType: "wire type 0, 1, 2 or 5"
        case .knownFormat: "a format that can hold it"
        case .schema: "a schema"
        }
    }
}
