import Base
import Reactor

/// How a command ended: decided (a refusal is a decision too), or not.
public typealias StoreResult = Result<Answer, StoreFault>

/// How a query ended.
public typealias ReadResult = Result<Reading, StoreFault>

/// Whoever waits for an answer.
enum StoreTicket<Content: Sendable>: Sendable {
    /// A loop, which finds its own closure by the number.
    case desk(StoreDesk, number: Int)
    /// Anybody, on the thread that has the answer. It may not block.
    case body(@Sendable (Result<Content, StoreFault>) -> Void)
}

/// Answers on their way, sorted by where they go: one letter per loop, however many answers it has.
struct StoreMail<Content: Sendable>: ~Copyable {
    typealias Answered = (number: Int, result: Result<Content, StoreFault>)

    private var letters: [(desk: StoreDesk, answers: [Answered])] = []

    mutating func add(_ result: Result<Content, StoreFault>, for ticket: StoreTicket<Content>) {
        switch ticket {
        case .body(let body): body(result)
        case .desk(let desk, let number):
            // A handful of loops: looking through them is faster than a table.
            if let place = letters.firstIndex(where: { $0.desk === desk }) {
                letters[place].answers.append((number, result))
            } else {
                letters.append((desk, [(number, result)]))
            }
        }
    }

    /// Sends everything.
    consuming func send(_ open: @escaping @Sendable (StoreDesk, [Answered]) -> Void) {
        for letter in letters {
            let (desk, answers) = letter
            desk.loop.deliver { _ in open(desk, answers) }
        }
    }
}
