internal import Wire

/// Everything that is made from a contract for people and programs outside: pages, schemas, types.
///
/// Each is a text that depends on the contract alone, so the same contract always gives the same bytes.
public struct Export: Sendable {
    /// A file that `gamekeeper docs` writes.
    public struct File: Sendable {
        /// The name within the folder.
        public let name: String
        /// What stands in it.
        public let text: String
    }

    let contract: ContractDescription

    /// Exports this contract.
    public init(_ contract: ContractDescription) { self.contract = contract }

    /// All files.
    public var files: [File] {
        [
            File(name: "BACKEND_API.md", text: apiPage),
            File(name: "openapi.json", text: openAPI),
            File(name: "asyncapi.json", text: asyncAPI),
            File(name: "\(contract.name).ts", text: typeScript),
            File(name: "\(contract.name).proto", text: protoFile),
        ]
    }
}

/// JSON for people: two spaces a level, keys in their order.
struct PrettyJSON {
    private(set) var text = ""

    init(_ value: Value) {
        append(value, indent: "")
        text += "\n"
    }

    private mutating func append(_ value: Value, indent: String) {
        switch value {
        case .object(let object) where object.count > 0:
            appendParts(object.entries.map { (Self.quoted($0.key) + ": ", $0.value) }, "{", "}", indent)
        case .array(let values) where !values.isEmpty: appendParts(values.map { ("", $0) }, "[", "]", indent)
        case .object: text += "{}"
        case .array, .bytes: text += "[]"
        case .null: text += "null"
        case .bool(let flag): text += flag ? "true" : "false"
        case .int(let number): text += "\(number)"
        case .uint(let number): text += "\(number)"
        case .double(let number): text += Self.number(number)
        case .string(let string): text += Self.quoted(string)
        }
    }

    private mutating func appendParts(_ parts: [(String, Value)], _ open: String, _ close: String, _ indent: String) {
        let inner = indent + "  "
        text += open
        for (index, part) in parts.enumerated() {
            text += (index == 0 ? "\n" : ",\n") + inner + part.0
            append(part.1, indent: inner)
        }
        text += "\n" + indent + close
    }

    /// A bound as people write it: `1` and not `1.0`.
    static func number(_ number: Double) -> String {
        if number == number.rounded(), number.magnitude < 9_007_199_254_740_992 { return "\(Int64(number))" }
        return "\(number)"
    }

    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
