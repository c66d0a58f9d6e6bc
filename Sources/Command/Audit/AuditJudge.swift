import Contracts

/// What an audit holds against a game.
struct Finding: Sendable, Equatable {
    /// What is wrong.
    enum Kind: String, Sendable, CaseIterable {
        /// An attack was not refused.
        case accepted
        /// It was refused with another code than `INVALID_ARGUMENT`, by something behind the contract.
        case wrongCode = "wrong_code"
        /// It was refused with the right code and the wrong field or problem.
        case wrongField = "wrong_field"
        /// A good call was refused by the contract.
        case goodRefused = "good_refused"
        /// The game answered `INTERNAL`, or logged an error.
        case internalError = "internal_error"
        /// The connection was closed in place of an answer.
        case closed
        /// There was no answer.
        case silent
        /// A call was made that only somebody else may make.
        case permission
        /// More calls were served than the contract's rate allows, or the refusal does not say when to come back.
        case rate
        /// A call with a key was made twice, or a key was taken for another call.
        case replayed
        /// Others waited longer while the attack went on.
        case slowed
        /// The server could not be reached or does not speak.
        case unreachable
    }

    var kind: Kind
    /// The call; empty for what concerns the whole server.
    var method: String
    /// How it was sent: a format over the socket, or `http`.
    var way: String
    /// What was tried.
    var attack: String
    /// What came of it.
    var outcome: String
}

/// Compares answers with what must come of an attack. Pure, so that every verdict can be tested.
enum AuditJudge {
    /// What an answer shows.
    enum Verdict: Sendable, Equatable {
        case good
        case finding(Finding.Kind)
        /// Nothing was learned: the caller may not make the call, the rules of the moment forbid it, or it was too often.
        case notReached
    }

    /// Codes with which a gate in front of the decoder refuses whatever the params are.
    static func isGate(_ code: String, of call: CallDescription) -> Bool {
        switch code {
        case "PERMISSION_DENIED", "UNAUTHENTICATED": true
        case "INVALID_ACTION": !call.conditions.isEmpty
        case "RATE_LIMITED", "UNAVAILABLE": true
        default: false
        }
    }

    /// Judges the answer to an attack. `baseline` is the answer to a good call, sent in the same way.
    static func verdict(
        of answer: AuditAnswer,
        to attack: Attack,
        on call: CallDescription,
        baseline: AuditAnswer
    ) -> Verdict {
        switch answer {
        case .closed: return .finding(.closed)
        case .silence: return .finding(.silent)
        case .refused(let refused) where refused.code == "INTERNAL" || refused.code == "DATA_LOSS":
            return .finding(.internalError)
        case .refused(let refused) where isGate(refused.code, of: call):
            // A gate that lets good calls through and stops bad ones has seen the params before they were judged.
            let isShut =
                baseline.code == refused.code || refused.code == "RATE_LIMITED" || refused.code == "UNAVAILABLE"
            if isShut { return .notReached }
            return attack.expectation == .passes ? .good : .finding(.wrongCode)
        default: return judge(answer, attack.expectation)
        }
    }

    private static func judge(_ answer: AuditAnswer, _ expectation: Attack.Expectation) -> Verdict {
        switch (expectation, answer) {
        case (.passes, .refused(let refused)):
            let isContract = refused.code == "INVALID_ARGUMENT" && refused.field != nil
            return isContract || refused.code == "UNKNOWN_METHOD" ? .finding(.goodRefused) : .good
        case (.passes, _): return .good
        case (.refused(let field, let problems), .refused(let refused)):
            guard refused.code == "INVALID_ARGUMENT" else { return .finding(.wrongCode) }
            let isRight = refused.field == field && (problems.isEmpty || problems.contains(refused.problem ?? ""))
            return isRight ? .good : .finding(.wrongField)
        case (.refused, _): return .finding(.accepted)
        }
    }

    /// What 99 of 100 waits are not longer than.
    static func p99(_ waits: [Double]) -> Double? {
        guard !waits.isEmpty else { return nil }
        let sorted = waits.sorted()
        return sorted[min(sorted.count - 1, sorted.count * 98 / 100)]
    }

    /// How much longer a polite client waited, in words; `nil` if he would not feel it.
    ///
    /// He shares a machine with the attackers, so only what a player notices counts: a twentieth of a second, and ten
    /// times of what it was.
    static func slowness(before: [Double], during: [Double]) -> String? {
        guard let calm = p99(before), let busy = p99(during), busy > 50, busy > 10 * calm else { return nil }
        return "waited \(busy.rounded()) ms where it had been \(calm.rounded()) ms"
    }

    /// Judges so many calls of one player, sent as fast as they go.
    static func rateVerdict(
        served: Int,
        refused: [AuditAnswer.Refused],
        of call: CallDescription,
        in seconds: Double
    ) -> Verdict {
        // A clock that reads after the last answer has seen all of the time; one call for the rounding.
        let most = Double(call.rate.burst) + call.rate.perSecond * seconds + 1
        if Double(served) > most { return .finding(.rate) }
        let limited = refused.filter { $0.code == "RATE_LIMITED" }
        if limited.contains(where: { ($0.retryAfterMilliseconds ?? 0) <= 0 }) { return .finding(.rate) }
        return .good
    }
}
