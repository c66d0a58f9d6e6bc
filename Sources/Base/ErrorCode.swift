/// Every error that a client can be answered with, once.
///
/// A code's name and number are part of the wire and never change; a new code gets a new number, and a number that was
/// used is never used again. What a code means to a caller is data, so that answers, documents and generated clients
/// all say the same.
public struct ErrorCode: Sendable {
    /// The name on the wire, such as `INVALID_ARGUMENT`.
    public let name: StaticString
    /// The stable number, for encodings and metrics that want one. Hundreds tell the category: 1 transient, 2
    /// permanent, 3 fatal.
    public let number: UInt16
    /// The status of the HTTP response that carries this code.
    public let httpStatus: UInt16
    /// What kind of trouble it is.
    public let category: Category
    /// Whether the call may be sent again, unchanged or decided anew. `advice` says when and with which key.
    public let retry: Bool
    /// What happened, in a sentence for the developer who reads the answer.
    public let meaning: StaticString
    /// What the caller should do about it.
    public let advice: StaticString

    /// What kind of trouble an error is.
    public enum Category: UInt8, Sendable, CaseIterable {
        /// It may pass: wait and send the call again.
        case transient = 1
        /// It will not pass: the call itself, or who sends it, must change.
        case permanent = 2
        /// We failed: the room or connection is closed and an operator is told.
        case fatal = 3

        /// The category's name in documents and metrics.
        public var name: StaticString {
            switch self {
            case .transient: "transient"
            case .permanent: "permanent"
            case .fatal: "fatal"
            }
        }
    }
}

// MARK: The catalogue

extension ErrorCode {
    /// The answer did not come in time; the call may or may not have had its effect.
    public static let timeout = ErrorCode(
        name: "TIMEOUT",
        number: 101,
        httpStatus: 504,
        category: .transient,
        retry: true,
        meaning: "The deadline passed before there was an answer; the call may still have had its effect.",
        advice: "Send it again with the same key, or read the state before you repeat a call that has no key."
    )

    /// What the call needs is away or overloaded at the moment.
    public static let unavailable = ErrorCode(
        name: "UNAVAILABLE",
        number: 102,
        httpStatus: 503,
        category: .transient,
        retry: true,
        meaning: "A part of the server that this call needs is away, full or stopping.",
        advice: "Wait for retry_after_ms, or back off from one second with jitter, and send it again."
    )

    /// The caller sends more often than the contract allows.
    public static let rateLimited = ErrorCode(
        name: "RATE_LIMITED",
        number: 103,
        httpStatus: 429,
        category: .transient,
        retry: true,
        meaning: "This caller has used up its budget for this call.",
        advice: "Wait for retry_after_ms before the next call, and send less often."
    )

    /// Someone else changed the same thing first, or a key was used for another call.
    public static let conflict = ErrorCode(
        name: "CONFLICT",
        number: 104,
        httpStatus: 409,
        category: .transient,
        retry: true,
        meaning: "Someone else changed this first, or the idempotency key belongs to a call with other params.",
        advice: "Read the current state and decide again; with other params, use another key."
    )

    /// The params do not satisfy the contract.
    public static let invalidArgument = ErrorCode(
        name: "INVALID_ARGUMENT",
        number: 201,
        httpStatus: 400,
        category: .permanent,
        retry: false,
        meaning: "The message is malformed, or a param is missing, unknown, of the wrong type or out of bounds.",
        advice: "Correct the field that details names; the contract says what it may hold."
    )

    /// The params are fine, but the rules of the game forbid it now.
    public static let invalidAction = ErrorCode(
        name: "INVALID_ACTION",
        number: 202,
        httpStatus: 422,
        category: .permanent,
        retry: false,
        meaning: "The rules of the game do not allow this action in the present state.",
        advice: "Show the state that the server holds; details says what stands in the way."
    )

    /// Nobody has logged in on this connection, or the credential is not good.
    public static let unauthenticated = ErrorCode(
        name: "UNAUTHENTICATED",
        number: 203,
        httpStatus: 401,
        category: .permanent,
        retry: false,
        meaning: "There is no valid credential for this call.",
        advice: "Log in, or renew the token, and then send the call again."
    )

    /// The caller is known and may not do this.
    public static let permissionDenied = ErrorCode(
        name: "PERMISSION_DENIED",
        number: 204,
        httpStatus: 403,
        category: .permanent,
        retry: false,
        meaning: "This caller is known and may not make this call.",
        advice: "Do not repeat it; offer the action only to those who hold the right."
    )

    /// The thing that the call names does not exist, or the caller may not know that it does.
    public static let notFound = ErrorCode(
        name: "NOT_FOUND",
        number: 205,
        httpStatus: 404,
        category: .permanent,
        retry: false,
        meaning: "The player, room or document that the call names does not exist.",
        advice: "Refresh what you show; it may have ended or been removed."
    )

    /// No contract has a call of this name.
    public static let unknownMethod = ErrorCode(
        name: "UNKNOWN_METHOD",
        number: 206,
        httpStatus: 404,
        category: .permanent,
        retry: false,
        meaning: "No contract of this server has a call of this name.",
        advice: "Check the spelling, and that client and server are built from the same contract."
    )

    /// The message or a value in it is larger than its limit.
    public static let payloadTooLarge = ErrorCode(
        name: "PAYLOAD_TOO_LARGE",
        number: 207,
        httpStatus: 413,
        category: .permanent,
        retry: false,
        meaning: "The message, or a value in it, is larger than its limit.",
        advice: "Send less, or send it in parts; details names the limit where it is known."
    )

    /// A thing of this name exists already.
    public static let alreadyExists = ErrorCode(
        name: "ALREADY_EXISTS",
        number: 208,
        httpStatus: 409,
        category: .permanent,
        retry: false,
        meaning: "What the call would create exists already.",
        advice: "Use the one that exists, or choose another name."
    )

    /// A promise of ours is broken.
    public static let `internal` = ErrorCode(
        name: "INTERNAL",
        number: 301,
        httpStatus: 500,
        category: .fatal,
        retry: false,
        meaning: "The server broke a promise of its own; the room or connection is closed and an operator is told.",
        advice: "Reconnect and resume; report the trace id if it happens again."
    )

    /// Stored data is damaged or gone.
    public static let dataLoss = ErrorCode(
        name: "DATA_LOSS",
        number: 302,
        httpStatus: 500,
        category: .fatal,
        retry: false,
        meaning: "Stored data cannot be read back as it was written; nothing was overwritten and an operator is told.",
        advice: "Do not repeat the call; tell the player that nothing is lost by waiting."
    )

    /// The whole catalogue, by number.
    public static let all: [ErrorCode] = [
        timeout, unavailable, rateLimited, conflict,
        invalidArgument, invalidAction, unauthenticated, permissionDenied, notFound, unknownMethod, payloadTooLarge,
        alreadyExists,
        `internal`, dataLoss,
    ]

    /// Finds a code by its stable number, as a client or a stored answer names it.
    public static func numbered(_ number: Int) -> ErrorCode? { all.first { Int($0.number) == number } }

    /// Finds a code by its name on the wire.
    public static func named(_ name: String) -> ErrorCode? { all.first { $0.name.description == name } }
}

extension ErrorCode: Hashable {
    /// Two codes are the same when their numbers are.
    public static func == (left: Self, right: Self) -> Bool { left.number == right.number }

    /// Hashes the number.
    public func hash(into hasher: inout Hasher) { hasher.combine(number) }
}

extension ErrorCode: CustomStringConvertible {
    /// The name on the wire.
    public var description: String { name.description }
}
