/// What a contract says about a call, in words.
struct Facts {
    let call: CallDescription

    init(_ call: CallDescription) { self.call = call }

    /// Everything in one paragraph.
    var sentence: String {
        var parts = ["Who: \(Self.words(call.permission)).", "How often: \(Self.words(call.rate))."]
        if !call.conditions.isEmpty { parts.append("When: \(call.conditions.joined(separator: ", ")).") }
        if call.cost != 1 { parts.append("Cost: \(call.cost).") }
        if call.isIdempotent { parts.append("A key makes it happen once.") }
        parts.append("Deadline: \(call.deadlineMilliseconds) ms.")
        return parts.joined(separator: " ")
    }

    /// Without line breaks, behind which a comment or a table would end.
    static func oneLine(_ text: String) -> String {
        String(text.map { $0.isNewline ? " " : $0 })
    }

    /// The same within `/* … */`, which it does not end.
    static func comment(_ text: String) -> String {
        oneLine(text).split(separator: "*/", omittingEmptySubsequences: false).joined(separator: "* /")
    }

    static func words(_ permission: Permission) -> String {
        switch permission {
        case .public: "everybody"
        case .player: "every player"
        case .role(let role): "players with the role \(role)"
        case .policy(let policy): "players whom the policy \(policy) admits"
        }
    }

    static func words(_ rate: Rate) -> String {
        "\(PrettyJSON.number(rate.perSecond)) a second, \(rate.burst) at once"
    }

    static func words(_ shape: Shape) -> String {
        switch shape {
        case .bool: "true or false"
        case .int(let range): "whole number \(range.lowerBound)…\(range.upperBound)"
        case .number(let range, let admitsNonFinite):
            "number" + bounds(range) + (admitsNonFinite ? ", NaN and infinities too" : "")
        case .text(let length, let characters):
            "text of \(span(length)) characters" + words(characters)
        case .choice(let words): "one of " + words.map { "`\($0)`" }.joined(separator: ", ")
        case .bytes(let count): "\(span(count)) bytes (base64 in JSON)"
        case .array(let element, let count): "list of \(span(count)): \(words(element))"
        case .map(let element, let count, let nameLengthMax):
            "map of \(span(count)) names (at most \(nameLengthMax) characters): \(words(element))"
        case .object(let object): "`\(object.name)`"
        case .optional(let wrapped): "optional: \(words(wrapped))"
        case .vector2(let range): "`{x, y}`" + bounds(range)
        case .vector3(let range): "`{x, y, z}`" + bounds(range)
        case .player: "player id"
        case .room: "room id"
        case .timestamp: "milliseconds since 1970"
        }
    }

    private static func words(_ characters: TextCharacters) -> String {
        switch characters {
        case .any: ""
        case .line: ", no control characters"
        case .identifier: " `A-Z a-z 0-9 _ . -`"
        case .only(let all): " of `\(all)`"
        }
    }

    private static func span(_ range: ClosedRange<Int>) -> String {
        range.lowerBound == range.upperBound ? "\(range.lowerBound)" : "\(range.lowerBound)…\(range.upperBound)"
    }

    private static func bounds(_ range: ClosedRange<Double>?) -> String {
        range.map { " \(PrettyJSON.number($0.lowerBound))…\(PrettyJSON.number($0.upperBound))" } ?? ""
    }
}
