public import Base
public import Wire

/// How many entries a list or a map may have, and of which kind.
public struct ListRules<ElementRules: Sendable>: Sendable {
    /// The rules of one element.
    public let element: ElementRules
    /// How many there may be.
    public let count: ClosedRange<Int>
    /// How many characters a name of a map may have.
    public let nameLengthMax: Int

    /// Names the rules.
    ///
    /// - Precondition: counts are from 0 to a million.
    public init(_ element: ElementRules, count: ClosedRange<Int>, nameLengthMax: Int = 64) {
        precondition(count.lowerBound >= 0 && count.upperBound <= 1_000_000, "a list has at most 1,000,000 entries")
        precondition(nameLengthMax > 0 && nameLengthMax <= 1_024, "a name has 1 to 1,024 characters")
        self.element = element
        self.count = count
        self.nameLengthMax = nameLengthMax
    }

    @inlinable @inline(__always) func judge(_ found: Int) throws(Fault) {
        guard found >= count.lowerBound else { throw Fault.of(.tooFew) }
        guard found <= count.upperBound else { throw Fault.of(.tooMany) }
    }

    /// Refuses, before the entry behind so many is read.
    @inlinable @inline(__always) func judge(another found: Int) throws(Fault) {
        guard found < count.upperBound else { throw Fault.of(.tooMany) }
    }

    /// The count of a canonical form.
    @inlinable func count(_ announced: UInt64) throws(Fault) -> Int {
        guard announced <= UInt64(count.upperBound) else { throw Fault.of(.tooMany) }
        try judge(Int(announced))
        return Int(announced)
    }

    @inlinable func judge(name: String) throws(Fault) {
        guard !name.isEmpty else { throw Fault(.tooShort, at: .name(name)) }
        guard name.utf8.count <= nameLengthMax || name.unicodeScalars.count <= nameLengthMax else {
            throw Fault(.tooLong, at: .name(ObjectCursor.shortened(name, to: 32)))
        }
    }

    /// The shape of an entry. Protobuf can't repeat what is itself repeated or absent.
    func entryShape(_ shape: Shape) -> Shape {
        switch shape {
        case .array, .map, .optional:
            preconditionFailure(
                "a list of lists, maps or optionals has no counterpart in Protobuf: make a Message of it"
            )
        default: return shape
        }
    }
}

extension Array: FieldValue where Element: FieldValue {
    /// Reads a list.
    @inlinable public static func read<Reader: ContractReader & ~Escapable>(
        _ reader: inout Reader,
        _ rules: ListRules<Element.Rules>
    ) throws(Fault) -> [Element] {
        var list: [Element] = []
        var scope = try reader.enterList(of: Element.wireElement)
        if let count = scope.count {
            try rules.judge(count)
            list.reserveCapacity(count)
        }
        while try reader.hasElement(in: &scope) {
            try rules.judge(another: list.count)
            do throws(Fault) {
                list.append(try Element.read(&reader, rules.element))
            } catch {
                throw error.inside(list.count)
            }
        }
        try rules.judge(list.count)
        return list
    }

    /// In Protobuf a list without elements is a field that is not there.
    @inlinable public static func absent(
        _ rules: ListRules<Element.Rules>,
        in format: WireFormat
    ) throws(Fault) -> [Element] {
        guard format == .protobuf else { throw Fault.of(.missing) }
        try rules.judge(0)
        return []
    }

    /// Writes a list.
    @inlinable public func write<Writer: ContractWriter>(
        _ rules: ListRules<Element.Rules>,
        with writer: inout Writer,
        to output: inout ByteBuffer
    ) throws(Fault) {
        try rules.judge(count)
        var scope = try writer.openList(count: count, to: &output)
        for index in indices {
            try writer.announceElement(in: &scope, to: &output)
            do throws(Fault) {
                try self[index].write(rules.element, with: &writer, to: &output)
            } catch {
                throw error.inside(index)
            }
        }
        try writer.closeList(scope, to: &output)
    }

    /// Reads a count and the elements.
    @inlinable public static func readCanonical(
        _ reader: inout CanonicalReader,
        _ rules: ListRules<Element.Rules>
    ) throws(Fault) -> [Element] {
        let count = try rules.count(reader.unsigned())
        var list: [Element] = []
        // An element may have no byte at all, so the count is no reason to take memory for more than there are bytes.
        list.reserveCapacity(Swift.min(count, reader.left))
        while list.count < count {
            do throws(Fault) {
                list.append(try Element.readCanonical(&reader, rules.element))
            } catch {
                throw error.inside(list.count)
            }
        }
        return list
    }

    /// Writes a count and the elements.
    @inlinable public func writeCanonical(
        _ rules: ListRules<Element.Rules>,
        to output: inout ByteBuffer
    ) throws(Fault) {
        try rules.judge(count)
        Canonical.append(unsigned: UInt64(count), to: &output)
        for index in indices {
            do throws(Fault) {
                try self[index].writeCanonical(rules.element, to: &output)
            } catch {
                throw error.inside(index)
            }
        }
    }

    /// A list.
    public static func shape(_ rules: ListRules<Element.Rules>, nesting: Int) -> Shape {
        .array(rules.entryShape(Element.shape(rules.element, nesting: nesting + 1)), rules.count)
    }

    /// Skipped as its elements are.
    @inlinable public static var listElement: WireElement? { Element.wireElement }
}

extension Optional: FieldValue where Wrapped: FieldValue {
    /// Reads a value, or null.
    @inlinable @inline(__always)
    public static func read<Reader: ContractReader & ~Escapable>(
        _ reader: inout Reader,
        _ rules: Wrapped.Rules
    ) throws(Fault) -> Wrapped? {
        let isNull: Bool
        do throws(WireError) { isNull = try reader.nullIfPresent() } catch { throw Fault.of(error) }
        return isNull ? nil : try Wrapped.read(&reader, rules)
    }

    /// Nothing.
    @inlinable public static func absent(_ rules: Wrapped.Rules, in format: WireFormat) throws(Fault) -> Wrapped? {
        nil
    }

    /// Writes the value. An absent one is left out by the object around it.
    @inlinable @inline(__always)
    public func write<Writer: ContractWriter>(
        _ rules: Wrapped.Rules,
        with writer: inout Writer,
        to output: inout ByteBuffer
    ) throws(Fault) {
        if let value = self { return try value.write(rules, with: &writer, to: &output) }
        do throws(WireError) { try writer.null(to: &output) } catch { throw Fault.of(error) }
    }

    /// Whether there is no value.
    @inlinable @inline(__always) public var isAbsent: Bool { if case .none = self { true } else { false } }

    /// Reads whether there is a value, and the value.
    @inlinable public static func readCanonical(
        _ reader: inout CanonicalReader,
        _ rules: Wrapped.Rules
    ) throws(Fault) -> Wrapped? {
        try reader.flag() ? try Wrapped.readCanonical(&reader, rules) : nil
    }

    /// Writes whether there is a value, and the value.
    @inlinable public func writeCanonical(_ rules: Wrapped.Rules, to output: inout ByteBuffer) throws(Fault) {
        output.append(isAbsent ? 0 : 1)
        if let value = self { try value.writeCanonical(rules, to: &output) }
    }

    /// A value or nothing.
    public static func shape(_ rules: Wrapped.Rules, nesting: Int) -> Shape {
        let shape = Wrapped.shape(rules, nesting: nesting + 1)
        switch shape {
        case .optional: preconditionFailure("an optional of an optional has no counterpart on the wire")
        case .array, .map:
            preconditionFailure("Protobuf can't tell an absent list from an empty one: use the list alone")
        default: return .optional(shape)
        }
    }

    /// As the value.
    @inlinable public static var wireElement: WireElement { Wrapped.wireElement }
}
