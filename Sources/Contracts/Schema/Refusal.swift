public import Base
public import Wire

/// What a caller is told instead of an answer.
///
/// ```swift
/// throw Refusal(.invalidAction, "Cannot attack while stunned", details: ["stun_remaining_ms": 500])
/// ```
public struct Refusal: Error, Sendable {
    private let content: Content

    // One reference, so that a result with a refusal in it stays small where there is none.
    final class Content: Sendable {
        let code: ErrorCode
        let message: String
        let details: Value?
        let retryAfter: Duration?
        let fault: Fault?
        let shape: ObjectShape?
        let root: StaticString
        let cause: (any Error)?
        /// Where this is told again and again.
        let writings: Writings?

        init(
            _ code: ErrorCode,
            message: String = "",
            details: Value? = nil,
            retryAfter: Duration? = nil,
            fault: Fault? = nil,
            shape: ObjectShape? = nil,
            root: StaticString = "params",
            cause: (any Error)? = nil,
            writings: Writings? = nil
        ) {
            self.code = code
            self.message = message
            self.details = details
            self.retryAfter = retryAfter
            self.fault = fault
            self.shape = shape
            self.root = root
            self.cause = cause
            self.writings = writings
        }
    }

    /// What is told in the same words each time is also told in the same bytes: one text per format, made when it is needed.
    final class Writings: Sendable {
        private let texts: InlineArray<4, LateReference<Writing>> = InlineArray { _ in LateReference() }

        private final class Writing: Sendable {
            let bytes: SharedBytes
            init(_ bytes: SharedBytes) { self.bytes = bytes }
        }

        func bytes(_ format: WireFormat, _ write: (inout ByteBuffer) -> Bool) -> SharedBytes? {
            let place =
                switch format {
                case .json: 0
                case .messagePack: 1
                case .cbor: 2
                case .protobuf: 3
                }
            if let known = texts[place].load() { return known.bytes }
            var output = ByteBuffer()
            guard write(&output) else { return nil }
            return texts[place].storeIfNil(Writing(SharedBytes(output))).bytes
        }
    }

    /// Refuses with a code, a sentence for a person and facts for a program.
    public init(_ code: ErrorCode, _ message: String, details: Value? = nil, retryAfter: Duration? = nil) {
        content = Content(code, message: message, details: details, retryAfter: retryAfter)
    }

    /// Refuses with the code's own sentence.
    public init(_ code: ErrorCode) { content = Content(code, message: code.meaning.description) }

    /// Refuses parameters that do not fit. The texts are made when somebody asks.
    public init(_ fault: Fault, in shape: ObjectShape? = nil) {
        content = (shape == nil ? fault.told.load() : nil) ?? Content(.invalidArgument, fault: fault, shape: shape)
    }

    /// Says that we are at fault: the caller learns no more than that, the log the cause.
    public init(internal cause: any Error) {
        content = Content(.internal, message: "An internal error", cause: cause)
    }

    /// What a handler has thrown: a refusal as it is, what knows its refusal as that, everything else as our fault.
    @usableFromInline init(handling error: any Error) {
        self = (error as? Refusal) ?? (error as? any RefusalSource)?.refusal ?? Refusal(internal: error)
    }

    /// Whether it does not know yet what would have been right.
    var lacksWords: Bool { content.fault != nil && content.shape == nil }

    /// The same refusal, knowing what would have been right.
    ///
    /// What is wrong with one field is put into words once, so a stranger who sends the same nonsense again costs a look-up.
    func knowing(_ shape: ObjectShape) -> Refusal {
        guard let fault = content.fault, content.shape == nil else { return self }
        let refusal = Refusal(fault, in: shape)
        guard fault.isOfField else { return refusal }
        // It does not name the fault again, which would then keep it and be kept by it.
        let told = Content(
            .invalidArgument,
            message: refusal.message,
            details: refusal.details,
            writings: Writings()
        )
        return Refusal(content: fault.told.storeIfNil(told))
    }

    /// The bytes of a refusal that is told again and again, in a format: what `write` has appended the first time.
    ///
    /// There is one form per format, the envelope's; whoever speaks another one writes his own.
    ///
    /// - Returns: nil for every other refusal, and when `write` says that it cannot.
    public func written(_ format: WireFormat, _ write: (inout ByteBuffer) -> Bool) -> SharedBytes? {
        content.writings?.bytes(format, write)
    }

    /// A result that breaks its own contract.
    @usableFromInline static func badResult(_ fault: Fault) -> Refusal {
        Refusal(content: Content(.internal, message: "An internal error", root: "result", cause: fault))
    }

    private init(content: Content) { self.content = content }

    /// The code.
    public var code: ErrorCode { content.code }

    /// When the same may be asked again.
    public var retryAfter: Duration? { content.retryAfter }

    /// What went wrong inside, for the log alone.
    public var cause: (any Error)? { content.cause }

    /// A sentence for a person.
    public var message: String {
        guard let fault = content.fault else { return content.message }
        let path = fault.path(from: content.root.description)
        guard let expected = expected(fault) else { return "\(path): \(fault.problem.words)" }
        return "\(path): \(fault.problem.words); expected \(expected)"
    }

    /// Facts for a program.
    public var details: Value? {
        guard let fault = content.fault else { return content.details }
        var object: Value.Object = ["field": .string(fault.path(from: content.root.description))]
        if let expected = expected(fault) { object["expected"] = .string(expected) }
        object["problem"] = .string(fault.problem.rawValue)
        return .object(object)
    }

    private func expected(_ fault: Fault) -> String? {
        guard let shape = content.shape else { return nil }
        if fault.problem == .unknownField { return nil }
        return fault.shape(from: .object(shape)).map(Facts.words)
    }
}

extension Refusal: CustomStringConvertible {
    /// One line for a log.
    public var description: String { "\(code.name): \(message)" }
}

extension Fault.Problem {
    /// The problem in words.
    var words: String {
        switch self {
        case .unknownField: "there is no such field"
        case .missing: "is missing"
        case .duplicateKey: "stands there twice"
        case .wrongType: "is of another type"
        case .outOfRange: "is out of range"
        case .notFinite: "is not finite"
        case .tooShort: "is too short"
        case .tooLong: "is too long"
        case .tooFew: "has too few entries"
        case .tooMany: "has too many entries"
        case .tooDeep: "is nested too deeply"
        case .badCharacter: "has a character that it may not have"
        case .unknownChoice: "is none of the words"
        case .malformed: "is malformed"
        case .trailingBytes: "is followed by more"
        case .notCanonical: "is not in canonical form"
        }
    }
}

/// An error that a handler may let through: it says itself what the caller is told.
public protocol RefusalSource: Error {
    /// What the caller is told.
    var refusal: Refusal { get }
}
