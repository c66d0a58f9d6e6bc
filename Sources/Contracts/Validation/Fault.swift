import Base
public import Wire

/// Why a value does not fit its contract: what is wrong with it, and the way to it.
///
/// A chain of steps from the outside in, made while the refusal travels outwards. Nothing is written as text until
/// somebody asks, so a refused call costs no more than a served one. What is wrong with a
/// field of the parameters themselves, which is nearly all that is ever wrong, is one object that was made with the field.
public final class Fault: Error, Sendable {
    /// What is wrong.
    public let problem: Problem
    /// The step that leads from here to the value at fault; `nil` where this is it.
    public let step: Step?
    /// What the step leads to.
    public let inner: Fault?
    /// Whether it was made with a field, and lives as long.
    let isOfField: Bool
    /// The refusal that says so in words, once it was told: what is wrong with a field is told in the same words each time.
    let told = LateReference<Refusal.Content>()

    /// What can be wrong with a value. The words are part of the wire: clients and tests may compare them.
    public enum Problem: String, Sendable, CaseIterable {
        /// The object has no field of this name.
        case unknownField = "unknown_field"
        /// A field that must be there is not.
        case missing
        /// The same field or name stands there twice.
        case duplicateKey = "duplicate_key"
        /// A value of another type.
        case wrongType = "wrong_type"
        /// A number below or above its range.
        case outOfRange = "out_of_range"
        /// NaN or an infinity.
        case notFinite = "not_finite"
        /// A text or bytes with too few characters or bytes.
        case tooShort = "too_short"
        /// A text or bytes with too many characters or bytes.
        case tooLong = "too_long"
        /// A list or map with too few entries.
        case tooFew = "too_few"
        /// A list or map with too many entries.
        case tooMany = "too_many"
        /// Objects and lists within one another, deeper than anything is read.
        case tooDeep = "too_deep"
        /// A text with a character that it may not have.
        case badCharacter = "bad_character"
        /// A text that is none of the words of a choice.
        case unknownChoice = "unknown_choice"
        /// Bytes that the format does not allow, or that stop in the middle.
        case malformed
        /// Bytes after the end of the value.
        case trailingBytes = "trailing_bytes"
        /// A canonical form that is not the only one of its value.
        case notCanonical = "not_canonical"
    }

    /// One step of the way.
    public enum Step: Sendable {
        /// Into a field that the contract knows.
        case field(FieldKey)
        /// To a field of this name that it does not know, or into an entry of a map.
        case name(String)
        /// Into an element of a list.
        case index(Int)
    }

    /// Names what is wrong with the value that is being read.
    public init(_ problem: Problem) {
        self.problem = problem
        step = nil
        inner = nil
        isOfField = false
    }

    /// Names what is wrong with a part of the value that is being read.
    public init(_ problem: Problem, at step: Step) {
        self.problem = problem
        self.step = step
        inner = nil
        isOfField = false
    }

    /// Names what is wrong with a field, whatever its value is.
    init(_ problem: Problem, ofField key: FieldKey) {
        self.problem = problem
        step = .field(key)
        inner = Fault.of(problem)
        isOfField = true
    }

    /// Says the same of a value that is further out.
    private init(_ inner: Fault, at step: Step) {
        problem = inner.problem
        self.step = step
        self.inner = inner
        isOfField = false
    }

    /// What is wrong with a value as such: one for each problem, shared by all, so that a stranger's bytes allocate nothing.
    @inline(never) @usableFromInline static func of(_ problem: Problem) -> Fault { shared[problem.place] }

    /// Translates the refusal of a reader or writer.
    @inline(never) @usableFromInline static func of(_ error: WireError) -> Fault { of(problem(error)) }

    private static let shared = Problem.allCases.map { Fault($0) }

    private static func problem(_ error: WireError) -> Problem {
        switch error.kind {
        case .wrongType, .keyNotText, .invalidBase64, .needsSchema: .wrongType
        case .numberOutOfRange, .numberTooLong: .outOfRange
        case .tooDeep: .tooDeep
        case .duplicateKey: .duplicateKey
        case .trailingBytes, .excessEntry: .trailingBytes
        case .missingKey: .missing
        case .noCounterpart: error.expected == .finiteNumber ? .notFinite : .wrongType
        case .endOfInput, .unexpectedByte, .malformedNumber, .invalidUTF8, .invalidEscape, .loneSurrogate,
            .controlCharacter, .impossibleLength, .reserved:
            .malformed
        }
    }

    @usableFromInline func inside(_ key: FieldKey) -> Fault { Fault(self, at: .field(key)) }
    @usableFromInline func inside(_ index: Int) -> Fault { Fault(self, at: .index(index)) }
    @usableFromInline func inside(_ name: String) -> Fault { Fault(self, at: .name(name)) }
}

extension Fault {
    /// The way to the value, such as `params.items[3].name`.
    public func path(from root: String) -> String {
        var text = root
        var next: Fault? = self
        while let fault = next {
            switch fault.step {
            case .field(let key): text += "." + key.name
            case .name(let name): text += "." + name
            case .index(let index): text += "[\(index)]"
            case nil: break
            }
            next = fault.inner
        }
        return text
    }

    /// What stands at the end of the way, as far as the contract knows it.
    func shape(from root: Shape) -> Shape? {
        var shape = root
        var next: Fault? = self
        while let fault = next, let step = fault.step {
            guard let inner = shape.stepping(step) else { return nil }
            shape = inner
            next = fault.inner
        }
        return shape
    }
}

extension Fault.Problem {
    /// Its place among all cases.
    @usableFromInline var place: Int {
        switch self {
        case .unknownField: 0
        case .missing: 1
        case .duplicateKey: 2
        case .wrongType: 3
        case .outOfRange: 4
        case .notFinite: 5
        case .tooShort: 6
        case .tooLong: 7
        case .tooFew: 8
        case .tooMany: 9
        case .tooDeep: 10
        case .badCharacter: 11
        case .unknownChoice: 12
        case .malformed: 13
        case .trailingBytes: 14
        case .notCanonical: 15
        }
    }
}

extension Fault: CustomStringConvertible {
    /// One line for a person.
    public var description: String { "\(path(from: "value")): \(problem.rawValue)" }
}

extension Shape {
    /// What a step leads to.
    fileprivate func stepping(_ step: Fault.Step) -> Shape? {
        switch (self, step) {
        case (.optional(let wrapped), _): wrapped.stepping(step)
        case (.array(let element, _), .index): element
        case (.map(let element, _, _), .name): element
        case (.object(let object), .field(let key)): object.fields.first { $0.name == key.name }?.shape
        case (.vector2(let range), .field), (.vector3(let range), .field): .number(range, admitsNonFinite: false)
        default: nil
        }
    }
}
