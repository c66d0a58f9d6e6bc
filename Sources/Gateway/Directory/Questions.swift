import Base
import Reactor

/// Questions that the hub of one loop asks those of the others: asked by letter, answered by letter.
///
/// What waits for an answer never leaves this loop; a letter carries a number. A question is refused when too many wait
/// or the other mailbox is full, and given up when no answer comes in time: `unavailable` each time.
final class Questions {
    private class Pending {
        let until: MonotonicTime
        init(until: MonotonicTime) { self.until = until }
        func giveUp() {}
    }

    private final class Question<Answer>: Pending {
        let answer: (Result<Answer, SessionRefusal>) -> Void
        init(until: MonotonicTime, _ answer: @escaping (Result<Answer, SessionRefusal>) -> Void) {
            self.answer = answer
            super.init(until: until)
        }
        override func giveUp() { answer(.failure(.unavailable)) }
    }

    private unowned let hub: SessionHub
    private var pending: [UInt64: Pending] = [:]
    private var number: UInt64 = 0
    private var timer: LoopTimer?
    private var isOver = false

    init(of hub: SessionHub) { self.hub = hub }

    /// How many wait for their answer.
    var waiting: Int { pending.count }

    /// Asks the hub of that loop. One's own answers at once.
    func ask<Answer: Sendable>(
        _ loop: Int,
        _ question: @escaping @Sendable (SessionHub) -> Answer,
        answer: @escaping (Result<Answer, SessionRefusal>) -> Void
    ) {
        if loop == hub.index { return answer(.success(question(hub))) }
        guard !isOver, pending.count < hub.limits.directoryAsksMax else { return answer(.failure(.unavailable)) }
        number += 1
        let (asked, home) = (number, hub.index)
        pending[asked] = Question(until: hub.loop.now + hub.limits.directoryTimeout, answer)
        let isSent = hub.letters.send(to: loop) { other in
            let found = question(other)
            // A mailbox that takes no answer lets the question grow old.
            _ = other.letters.send(to: home) { $0.questions.answered(asked, found) }
        }
        if isSent { giveUpLater() } else { pending.removeValue(forKey: asked)?.giveUp() }
    }

    private func answered<Answer: Sendable>(_ number: UInt64, _ answer: Answer) {
        guard let question = pending.removeValue(forKey: number) as? Question<Answer> else { return }
        question.answer(.success(answer))
    }

    /// The loop has stopped: no answer comes any more, and nobody is left waiting for one.
    func giveUpAll() {
        isOver = true
        for number in pending.keys.sorted() { pending.removeValue(forKey: number)?.giveUp() }
    }

    private func giveUpLater() {
        guard timer == nil, !pending.isEmpty else { return }
        timer = hub.loop.schedule(at: hub.loop.now + hub.limits.directoryTimeout) { [weak self] in
            self?.timer = nil
            self?.giveUpOld()
        }
    }

    private func giveUpOld() {
        let old = pending.filter { $0.value.until <= hub.loop.now }.keys.sorted()
        for number in old { pending.removeValue(forKey: number)?.giveUp() }
        giveUpLater()
    }
}
