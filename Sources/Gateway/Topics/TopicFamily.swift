import Base

/// What a contract says about a family of topics.
struct TopicFamily: Sendable {
    /// Its name, which is that of its events.
    let name: String
    /// How many messages are remembered for new subscribers.
    var history = 0
}

/// Why a topic is not heard or told.
enum TopicRefusal: Error, Hashable, Sendable {
    /// No such family is in the contract.
    case unknown
    /// The session hears as many topics as it may.
    case tooManyOfSession
    /// The process has as many topics as it may.
    case full
    /// A mailbox is full, or an answer did not come in time.
    case unavailable
    /// The session is over, or has left the topic again before the answer came.
    case ended

    /// What the client is told.
    var code: ErrorCode {
        switch self {
        case .unknown: .notFound
        case .tooManyOfSession: .invalidAction
        case .full, .unavailable, .ended: .unavailable
        }
    }
}

/// Some of a process's loops: one bit for each of the 256 that there may be.
struct LoopSet: Equatable, Sendable {
    private var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    /// Whether no loop is in it.
    var isEmpty: Bool { words.0 | words.1 | words.2 | words.3 == 0 }

    /// Whether the loop is in it.
    func contains(_ loop: Int) -> Bool { word(loop >> 6) & 1 << UInt64(loop & 63) != 0 }

    /// Puts a loop in.
    mutating func insert(_ loop: Int) { change(loop >> 6) { $0 |= 1 << UInt64(loop & 63) } }

    /// Takes a loop out.
    mutating func remove(_ loop: Int) { change(loop >> 6) { $0 &= ~(1 << UInt64(loop & 63)) } }

    /// Runs the body for each loop in it, in their order.
    func forEach(_ body: (Int) -> Void) {
        for index in 0..<4 {
            var left = word(index)
            while left != 0 {
                body(index << 6 + left.trailingZeroBitCount)
                left &= left - 1
            }
        }
    }

    private func word(_ index: Int) -> UInt64 {
        switch index {
        case 0: words.0
        case 1: words.1
        case 2: words.2
        default: words.3
        }
    }

    private mutating func change(_ index: Int, _ body: (inout UInt64) -> Void) {
        switch index {
        case 0: body(&words.0)
        case 1: body(&words.1)
        case 2: body(&words.2)
        default: body(&words.3)
        }
    }

    static func == (left: Self, right: Self) -> Bool { left.words == right.words }
}
