// A contract's hash says whether a client was made for this contract. It is taken over a text of everything that changes
// which bytes may pass: names, numbers in Protobuf, types, bounds, results and lanes, sorted by name. Sentences for the
// documents, rates, costs and permissions are left out: a client that knows other ones still speaks correctly.

/// 128 bits of FNV-1a, as two lanes with different starts and a last mixing of each. It guards against mistakes, not
/// against attackers, who may claim any hash they like; and it is the same in every process and release.
struct StableHash {
    private var first: UInt64 = 0xCBF2_9CE4_8422_2325
    private var second: UInt64 = 0x6C62_272E_07BB_0142

    mutating func add(_ text: String) {
        for byte in text.utf8 {
            first = (first ^ UInt64(byte)) &* 0x100_0000_01B3
            second = (second ^ UInt64(byte)) &* 0x100_0000_01B3
            second ^= second &>> 29
        }
    }

    /// 32 hexadecimal digits.
    var text: String { Self.digits(Self.mixed(first)) + Self.digits(Self.mixed(second)) }

    private static func mixed(_ lane: UInt64) -> UInt64 {
        var value = lane
        value = (value ^ value &>> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value &>> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value &>> 31
    }

    private static func digits(_ value: UInt64) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: 16 - text.utf8.count) + text
    }
}

extension ContractDescription {
    /// Changes when what clients must know of the contract does; the same however its parts were ordered.
    public var hash: String {
        var hash = StableHash()
        hash.add("contract \(name)\n")
        for call in calls { hash.add(call.wireText) }
        for event in events { hash.add("event \(event.name) \(event.lane) \(event.payload.wireText)\n") }
        for request in requests {
            let result = request.result?.wireText ?? "nothing"
            hash.add("request \(request.name) \(request.parameters.wireText) -> \(result)\n")
        }
        for topic in topics { hash.add("topic \(topic.name) \(topic.lane) \(topic.payload.wireText)\n") }
        return hash.text
    }

    /// The hash of every call, by name: what a client of this contract keeps.
    public var callHashes: [String: String] {
        Dictionary(calls.map { ($0.name, $0.hash) }, uniquingKeysWith: { first, _ in first })
    }

    /// Which calls a client with these hashes knows differently.
    public func differences(from hashes: [String: String]) -> ContractDifferences {
        let own = callHashes
        return ContractDifferences(
            changed: calls.map(\.name).filter { name in hashes[name].map { $0 != own[name] } ?? false },
            missing: hashes.keys.filter { own[$0] == nil }.sorted(),
            added: calls.map(\.name).filter { hashes[$0] == nil }
        )
    }
}

/// How a client's contract differs from the server's, by names of calls.
public struct ContractDifferences: Sendable, Equatable {
    /// Calls that both know, with other types or bounds.
    public let changed: [String]
    /// Calls that the client knows and the server does not have.
    public let missing: [String]
    /// Calls that the server has and the client does not know.
    public let added: [String]

    /// Whether there is no difference.
    public var isEmpty: Bool { changed.isEmpty && missing.isEmpty && added.isEmpty }
}

extension CallDescription {
    /// Changes when what clients must know of the call does.
    public var hash: String {
        var hash = StableHash()
        hash.add(wireText)
        return hash.text
    }

    fileprivate var wireText: String {
        "call \(name) \(parameters.wireText) -> \(result?.wireText ?? "nothing") \(isIdempotent ? "key" : "")\n"
    }
}

extension ObjectShape {
    /// The fields with everything that changes which bytes may pass. The type's name is not on the wire.
    fileprivate var wireText: String {
        "{" + fields.map { "\($0.number) \($0.name.debugDescription) \($0.shape.wireText)" }.joined(separator: ", ")
            + "}"
    }
}

extension Shape {
    fileprivate var wireText: String {
        switch self {
        case .bool: "bool"
        case .int(let range): "int \(range.lowerBound)...\(range.upperBound)"
        case .number(let range, let admitsNonFinite):
            "number \(Self.text(range))\(admitsNonFinite ? " nonfinite" : "")"
        case .text(let length, let characters):
            "text \(length.lowerBound)...\(length.upperBound) \(characters.wireText)"
        case .choice(let words): "choice " + words.map(\.debugDescription).joined(separator: "|")
        case .bytes(let count): "bytes \(count.lowerBound)...\(count.upperBound)"
        case .array(let element, let count): "array \(count.lowerBound)...\(count.upperBound) [\(element.wireText)]"
        case .map(let element, let count, let nameLengthMax):
            "map \(count.lowerBound)...\(count.upperBound) \(nameLengthMax) [\(element.wireText)]"
        case .object(let object): object.wireText
        case .optional(let wrapped): "optional \(wrapped.wireText)"
        case .vector2(let range): "vector2 \(Self.text(range))"
        case .vector3(let range): "vector3 \(Self.text(range))"
        case .player: "player"
        case .room: "room"
        case .timestamp: "timestamp"
        }
    }

    private static func text(_ range: ClosedRange<Double>?) -> String {
        range.map { "\($0.lowerBound)...\($0.upperBound)" } ?? "any"
    }
}

extension TextCharacters {
    fileprivate var wireText: String {
        switch self {
        case .any: "any"
        case .line: "line"
        case .identifier: "identifier"
        case .only(let all): "only \(all.debugDescription)"
        }
    }
}
