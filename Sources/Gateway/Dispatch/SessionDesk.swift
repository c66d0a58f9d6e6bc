import Base
import Contracts
import Reactor
import Wire

/// What the gateway keeps with a session: who stands at its socket, and which questions to the client wait for an answer.
final class SessionDesk: SessionCompanion {
    /// Whoever holds the session's socket now. Not weak, as that would make every event slower that his connection is
    /// told: `detached` and `ended` let go of him, and one of them comes before the session loses its socket for good.
    var visitor: Visitor?
    /// Whose the session is, and what he may do: whoever comes back to it is him.
    var known: KnownIdentity
    /// Which fire-and-forget calls have come, for the socket that comes next.
    var sequence = CallSequence()
    private unowned let loop: EventLoop
    private let gate: Gate
    private var questions: [Int64: Question] = [:]
    private var number: Int64 = 0

    private struct Question {
        let request: OutgoingRequest
        let timer: LoopTimer?
        let answer: (borrowing ClientAnswer, WireFormat) -> Void
        let giveUp: (Refusal) -> Void
    }

    init(_ visitor: Visitor, _ known: KnownIdentity) {
        self.visitor = visitor
        self.known = known
        loop = visitor.desk.loop
        gate = visitor.desk.gate
    }

    // MARK: Questions

    /// Asks the client. Exactly one of the two closures runs, once; `giveUp` when there is no answer in time, or nobody to
    /// give one.
    func ask(
        _ method: String,
        of session: Session,
        timeout: Duration,
        payload: @escaping EventPayload,
        answer: @escaping (borrowing ClientAnswer, WireFormat) -> Void,
        giveUp: @escaping (Refusal) -> Void
    ) {
        guard questions.count < gate.limits.calls.questionsMax else {
            return giveUp(Refusal(.unavailable, "too many questions wait for this client"))
        }
        number += 1
        let asked = number
        let timer = loop.schedule(at: loop.now + timeout) { [weak self] in
            self?.questions.removeValue(forKey: asked)?.giveUp(Refusal(.timeout, "the client did not answer in time"))
        }
        guard timer != nil else { return giveUp(Refusal(.unavailable, "too many timers are set")) }
        let request = OutgoingRequest(
            id: asked,
            method: method,
            timeoutMilliseconds: timeout.nanoseconds / 1_000_000,
            payload: payload
        )
        questions[asked] = Question(request: request, timer: timer, answer: answer, giveUp: giveUp)
        if !session.ask(request) { forget(asked)?.giveUp(Self.gone) }
    }

    /// The client has answered.
    ///
    /// - Returns: `false` for a question that nobody asked, or whose time was over.
    func answered(_ number: Int64, _ answer: borrowing ClientAnswer, _ format: WireFormat) -> Bool {
        guard let question = forget(number) else { return false }
        question.answer(answer, format)
        return true
    }

    private static let gone = Refusal(.unavailable, "the client is not connected")

    private func forget(_ number: Int64) -> Question? {
        guard let question = questions.removeValue(forKey: number) else { return nil }
        if let timer = question.timer { loop.cancel(timer) }
        return question
    }

    private func giveUpAll() {
        // Whoever is told may ask again, so the table is emptied first.
        let open = questions.keys.sorted().compactMap { forget($0) }
        for question in open { question.giveUp(Self.gone) }
    }

    // MARK: From the session

    /// It can be used from here on: the game may say something to a player who comes.
    func begin(_ session: Session) { gate.hooks.joined?(PlayerSession(session, server: Server(gate))) }

    /// Another socket has taken the session over. What was asked on the former one is asked again: nobody answers there.
    func attached(_ session: Session) {
        for number in questions.keys.sorted() {
            guard let question = questions[number] else { continue }
            if !session.ask(question.request) { forget(number)?.giveUp(Self.gone) }
        }
    }

    /// What the game says to somebody who was away for too long.
    func snapshot(of session: Session) -> EventPayload? {
        guard let snapshot = gate.hooks.snapshot?(PlayerSession(session, server: Server(gate))) else { return nil }
        let log = gate.log
        return { format, output in
            do throws(Fault) {
                try snapshot.encode(format, &output)
            } catch {
                log.error("a snapshot breaks its own contract", ["event": .text(snapshot.event)])
            }
        }
    }

    /// The player may do other things now, and so may whoever comes back to this session later.
    func rolesChanged(_ roles: Roles) {
        known = KnownIdentity(known.identity.having(roles))
        visitor?.identify(known)
    }

    /// Nobody is there to answer.
    func detached(_ session: Session) {
        if let visitor { sequence = visitor.sequence }
        visitor = nil
        giveUpAll()
    }

    /// The session is over.
    func ended(_ session: Session, because end: SessionEnd) {
        visitor = nil
        giveUpAll()
        gate.hooks.left?(PlayerSession(session, server: Server(gate)), end)
    }
}
