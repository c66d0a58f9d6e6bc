public import Base
public import Wire

/// An enum of words: `enum Weapon: String, Choice { case sword, bow }`.
///
/// The order of the cases is part of the canonical form: add new ones at the end.
public protocol Choice: FieldValue, CaseIterable, Hashable, RawRepresentable
where RawValue == String, Rules == ChoiceRules<Self> {}

/// The words of a choice, prepared.
public final class ChoiceRules<Value: Hashable & Sendable>: Sendable {
    @usableFromInline let cases: [Value]
    @usableFromInline let keys: [FieldKey]

    @usableFromInline let words: [String]

    init(_ cases: [Value], _ words: [String]) {
        precondition(!cases.isEmpty && cases.count <= 1_000, "a choice has 1 to 1,000 words")
        self.cases = cases
        self.words = words
        keys = words.enumerated().map { FieldKey($1, number: UInt32($0 + 1)) }
    }

    @inlinable func value(_ slice: WireSlice) throws(Fault) -> Value {
        for index in keys.indices where slice.equals(keys[index]) { return cases[index] }
        throw Fault.of(.unknownChoice)
    }

    @inlinable func place(of value: Value) throws(Fault) -> Int {
        for index in cases.indices where cases[index] == value { return index }
        throw Fault.of(.unknownChoice)
    }
}

extension Choice {
    /// Reads a word.
    @inlinable public static func read<Reader: ContractReader & ~Escapable>(
        _ reader: inout Reader,
        _ rules: ChoiceRules<Self>
    ) throws(Fault) -> Self {
        let slice: WireSlice
        do throws(WireError) { slice = try reader.text() } catch { throw Fault.of(error) }
        return try rules.value(slice)
    }

    /// Writes the word.
    @inlinable public func write<Writer: ContractWriter>(
        _ rules: ChoiceRules<Self>,
        with writer: inout Writer,
        to output: inout ByteBuffer
    ) throws(Fault) {
        do throws(WireError) { try writer.string(rawValue, to: &output) } catch { throw Fault.of(error) }
    }

    /// Reads the place of the word.
    @inlinable public static func readCanonical(
        _ reader: inout CanonicalReader,
        _ rules: ChoiceRules<Self>
    ) throws(Fault) -> Self {
        let place = try reader.unsigned()
        guard place < UInt64(rules.cases.count) else { throw Fault.of(.unknownChoice) }
        return rules.cases[Int(place)]
    }

    /// Writes the place of the word.
    @inlinable public func writeCanonical(_ rules: ChoiceRules<Self>, to output: inout ByteBuffer) throws(Fault) {
        Canonical.append(unsigned: UInt64(try rules.place(of: self)), to: &output)
    }

    /// One of the words.
    public static func shape(_ rules: ChoiceRules<Self>, nesting: Int) -> Shape {
        .choice(rules.words)
    }
}
