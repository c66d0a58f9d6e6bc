import Contracts
import Wire

/// Everything that is sent to one call: each field gets every wrong type, each bound and one past it, and every absurd
/// value, while all other fields are good. Made from the contract alone, and the same each time.
struct AttackCorpus {
    /// The attacks, good calls among them.
    private(set) var attacks: [Attack] = []
    /// What was left out, because sending it would cost more than it tells.
    private(set) var omissions: [String] = []

    /// Bytes of the largest value that is sent to reach a bound.
    static let valueBytesMax = 256 << 10
    /// Levels of objects and lists that are followed; contracts that are deeper are rare and cost a multiple.
    static let nestingMax = 6

    private var nesting = 0

    /// Puts the value under attack back into good params around it.
    ///
    /// A class and not the closure itself: the optimiser makes a copy of a function for each closure that it is given, and
    /// where that closure holds another one of the same function, it makes copies until it runs out of memory.
    final class Place {
        private let put: (AttackValue) -> AttackValue
        init(_ put: @escaping (AttackValue) -> AttackValue) { self.put = put }
        func callAsFunction(_ value: AttackValue) -> AttackValue { put(value) }
    }

    /// Makes the attacks on a call.
    init(_ call: CallDescription) {
        add("a good call", AttackSamples.fields(call.parameters))
        attackWhole(call.parameters)
        attackObject(call.parameters, at: "params", Place { $0 })
    }

    /// A call that everybody who may make it can make.
    static func goodParams(_ call: CallDescription) -> AttackValue { AttackSamples.fields(call.parameters) }

    // MARK: Collecting

    mutating func add(_ what: String, _ params: AttackValue, in formats: Set<WireFormat> = Set(WireFormat.allCases)) {
        attacks.append(Attack(name: what, params: params, expectation: .passes, formats: formats))
    }

    mutating func add(_ attack: Attack) { attacks.append(attack) }

    mutating func omit(_ what: String) { omissions.append(what) }

    // MARK: Objects

    private mutating func attackWhole(_ object: ObjectShape) {
        let others: [(String, Value)] = [
            ("a number", .int(7)), ("a text", .string("x")), ("true", .bool(true)), ("a list", .array([])),
        ]
        for (name, value) in others { add(.refused("\(name) in place of params", .plain(value), at: "params")) }
        if object.fields.count > 1, case .fields(let fields) = AttackSamples.fields(object) {
            add("the fields in another order", .fields(fields.reversed()))
        }
    }

    /// Attacks an object as a whole and each of its fields.
    mutating func attackObject(_ object: ObjectShape, at path: String, _ place: Place) {
        guard nesting < Self.nestingMax else { return omit("\(path): deeper than \(Self.nestingMax) levels") }
        nesting += 1
        defer { nesting -= 1 }
        guard case .fields(let good) = AttackSamples.fields(object) else { return }
        let unknown = AttackValue.Field(name: "no_such_field", number: 9_999, value: .plain(.int(1)))
        // Protobuf has no name for it.
        let named = Set(WireFormat.allCases).subtracting([.protobuf])
        let name = "\(path).no_such_field"
        add(
            .refused(
                "an unknown field behind",
                place(.fields(good + [unknown])),
                at: name,
                ["unknown_field"],
                in: named
            )
        )
        add(
            .refused(
                "an unknown field in front",
                place(.fields([unknown] + good)),
                at: name,
                ["unknown_field"],
                in: named
            )
        )
        for (index, field) in object.fields.enumerated() {
            attackPresence(of: field, index, good, at: path, place)
            let within = Place { value in
                var changed = good
                changed[index].value = value
                return place(.fields(changed))
            }
            attack(field.shape, at: "\(path).\(field.name)", within)
        }
    }

    private mutating func attackPresence(
        of field: FieldShape,
        _ index: Int,
        _ good: [AttackValue.Field],
        at path: String,
        _ place: Place
    ) {
        let at = "\(path).\(field.name)"
        var without = good
        without.remove(at: index)
        switch field.shape {
        case .optional: add("\(at): left out", place(.fields(without)))
        case .array, .map:
            // Nothing is an empty list in Protobuf.
            let named = Set(WireFormat.allCases).subtracting([.protobuf])
            add(.refused("left out", place(.fields(without)), at: at, ["missing"], in: named))
            add(.refused("twice", place(.fields(good + [good[index]])), at: at, ["duplicate_key"], in: named))
            return
        default: add(.refused("left out", place(.fields(without)), at: at, ["missing"]))
        }
        // The second part of a message is merged into the first in Protobuf, and some readers take the last.
        let formats =
            field.shape.isRepeatable ? Set(WireFormat.allCases).subtracting([.protobuf]) : Set(WireFormat.allCases)
        add(.refused("twice", place(.fields(good + [good[index]])), at: at, ["duplicate_key"], in: formats))
    }

    // MARK: Any shape

    /// Attacks a value of a shape.
    mutating func attack(_ shape: Shape, at path: String, isNullable: Bool = false, _ place: Place) {
        attackType(of: shape, at: path, isNullable: isNullable, place)
        switch shape {
        case .bool: add("\(path): false", place(.plain(.bool(false))))
        case .int(let range): attackInt(range, at: path, place)
        case .timestamp: attackInt(0...(1 << 53 - 1), at: path, place)
        case .number(let range, let admits): attackNumber(range, admitsNonFinite: admits, at: path, place)
        case .text(let length, let characters): attackText(length, characters, at: path, place)
        case .player, .room: attackText(1...31, .identifier, at: path, place)
        case .choice(let words): attackChoice(words, at: path, place)
        case .bytes(let count): attackBytes(count, at: path, place)
        case .array(let element, let count): attackList(element, count, at: path, place)
        case .map(let value, let count, let longest): attackMap(value, count, nameLengthMax: longest, at: path, place)
        case .object(let object): attackObject(object, at: path, place)
        case .optional(let wrapped): attack(wrapped, at: path, isNullable: true, place)
        case .vector2(let range): attackObject(AttackSamples.components(2, range), at: path, place)
        case .vector3(let range): attackObject(AttackSamples.components(3, range), at: path, place)
        }
    }

    /// Sends every type that the value is not.
    private mutating func attackType(of shape: Shape, at path: String, isNullable: Bool, _ place: Place) {
        if case .optional = shape {
            let named = Set(WireFormat.allCases).subtracting([.protobuf])
            return add("\(path): null", place(.plain(.null)), in: named)
        }
        for wrong in AttackType.allCases where !(isNullable && wrong == .null) {
            let formats = wrong.formatsWhereItIsWrong(for: shape)
            guard !formats.isEmpty else { continue }
            add(.refused("\(wrong.rawValue) in place of \(shape.word)", place(wrong.value), at: path, in: formats))
        }
    }
}
