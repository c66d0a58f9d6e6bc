/// The types of a contract, each under one name: what documents and client types refer to.
///
/// Two shapes of one name are two types, so the second gets the name of its owner in front.
struct TypeNames {
    /// Every object of the contract under its name, in the order in which it was met.
    private(set) var types: [(name: String, shape: ObjectShape)] = []
    private var names: [Key: String] = [:]
    private var taken: Set<String> = []

    /// Parameters that were listed where the call is declared have no name but their call's.
    private struct Key: Hashable {
        let shape: ObjectShape
        let owner: String

        init(_ shape: ObjectShape, owner: String) {
            self.shape = shape
            self.owner = shape.name.isEmpty ? owner : ""
        }
    }

    /// Names every object that the contract mentions.
    init(_ contract: ContractDescription, reserved: Set<String> = []) {
        taken = reserved
        for call in contract.calls {
            add(call.parameters, owner: call.name, fallback: "Params")
            if let result = call.result { add(result, owner: call.name, fallback: "Result") }
        }
        for event in contract.events { add(event.payload, owner: event.name, fallback: "Event") }
        for topic in contract.topics { add(topic.payload, owner: topic.name, fallback: "Message") }
        for request in contract.requests {
            add(request.parameters, owner: request.name, fallback: "Params")
            if let result = request.result { add(result, owner: request.name, fallback: "Answer") }
        }
    }

    /// The name of an object that the contract mentions.
    func name(of shape: ObjectShape) -> String { name(of: shape, owner: "") }

    /// The name of an object that may have none but its owner's.
    func name(of shape: ObjectShape, owner: String) -> String { names[Key(shape, owner: owner)] ?? shape.name }

    private mutating func add(_ shape: ObjectShape, owner: String, fallback: String) {
        guard names[Key(shape, owner: owner)] == nil else { return }
        var name = Self.typeName(shape.name)
        if name.isEmpty { name = Self.typeName(owner) + fallback }
        if taken.contains(name) { name = Self.typeName(owner) + name }
        var number = 2
        let base = name
        while taken.contains(name) {
            name = "\(base)\(number)"
            number += 1
        }
        taken.insert(name)
        names[Key(shape, owner: owner)] = name
        for field in shape.fields { addParts(field.shape, owner: owner) }
        types.append((name, shape))
    }

    private mutating func addParts(_ shape: Shape, owner: String) {
        switch shape {
        case .object(let object): add(object, owner: owner, fallback: "Part")
        case .array(let element, _), .map(let element, _, _), .optional(let element): addParts(element, owner: owner)
        default: break
        }
    }

    /// `player.attack_now` as `PlayerAttackNow`.
    static func typeName(_ text: String) -> String {
        var name = ""
        var startsWord = true
        for character in text {
            guard character.isASCII, character.isLetter || character.isNumber else {
                startsWord = true
                continue
            }
            if name.isEmpty, character.isNumber { name = "_" }
            name += startsWord ? character.uppercased() : String(character)
            startsWord = false
        }
        return name
    }
}
