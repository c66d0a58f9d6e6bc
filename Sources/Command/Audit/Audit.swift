import Base
import Contracts
import Wire

/// Attacks a game by its contract, and tells what was not refused as it must be.
///
/// The attacks are the same each time. They go out over as many players as the contract's rates ask for, and a polite
/// client beside them measures what others feel.
struct Audit {
    let contract: ContractDescription
    let target: any AuditTarget
    /// Players at once per way. Each brings the rate of the contract with him.
    var playersMax = 32
    /// How often an attack that was too often is sent again.
    static let retriesMax = 30
    /// A call whose burst is larger is not sent over its rate: that would be a load test.
    static let burstMax = 2_000

    private let corpora: [(call: CallDescription, corpus: AttackCorpus)]

    init(_ contract: ContractDescription, on target: any AuditTarget) {
        self.contract = contract
        self.target = target
        corpora = contract.calls.map { ($0, AttackCorpus($0)) }
    }

    /// Runs everything.
    func run() async -> AuditReport {
        var report = AuditReport(game: contract.name)
        for (call, corpus) in corpora {
            report.omissions += corpus.omissions.map { "\(call.name), \($0)" }
        }
        guard let way = target.ways.first, let polite = await target.open(way, as: .guest(0)) else {
            report.add(
                Finding(kind: .unreachable, method: "", way: "", attack: "a good player", outcome: "cannot connect")
            )
            return report
        }
        let errorsBefore = await target.errorsLogged()
        let before = await Self.waits(of: polite, count: 200)
        let during = Task { await Self.waits(of: polite, count: .max) }
        for way in target.ways { await attack(way, &report) }
        await breakRules(&report)
        during.cancel()
        judgeWaits(before, await during.value, &report)
        if let errorsBefore, let errors = await target.errorsLogged(), errors > errorsBefore {
            let outcome = "\(errors - errorsBefore) errors"
            report.add(Finding(kind: .internalError, method: "", way: "log", attack: "all of them", outcome: outcome))
        }
        return report
    }

    private func attack(_ way: AuditWay, _ report: inout AuditReport) async {
        var lines: [any AuditLine] = []
        for player in 1...playersMax {
            if let line = await target.open(way, as: .guest(player)) { lines.append(line) }
        }
        guard !lines.isEmpty else {
            report.add(
                Finding(kind: .unreachable, method: "", way: way.name, attack: "players", outcome: "cannot connect")
            )
            return
        }
        for (call, corpus) in corpora {
            let players = AuditPlayers(lines)
            guard let baseline = await players.call(AuditCall(method: call.name, params: AttackCorpus.goodParams(call)))
            else {
                continue
            }
            report.countSent()
            for attack in corpus.attacks where attack.formats.contains(lines[0].format) {
                await send(attack, to: call, baseline: baseline, players, &report)
            }
            await sendAsNobody(call, way, &report)
            if call.isIdempotent { await sendTwice(call, players, &report) }
            await sendTooOften(call, way, &report)
        }
        // Whoever stays is told whatever the next players do, and has to read it beside the polite client.
        for line in lines { await line.close() }
    }

    /// Breaks the rules around the calls, each time on a socket of its own.
    private func breakRules(_ report: inout AuditReport) async {
        // A call that a guest may make: where the gate is shut, nothing behind it is seen.
        let open = contract.calls.first { call in
            call.conditions.isEmpty && (call.permission == .player || call.permission == .public)
        }
        guard let call = open ?? contract.calls.first else { return }
        for breach in Breach.all(call) {
            guard let answer = await target.send(breach) else { continue }
            report.countSent()
            if case .finding(let kind) = breach.verdict(of: answer) {
                let way = breach.format.rawValue
                report.add(Finding(kind: kind, method: "", way: way, attack: breach.name, outcome: answer.words))
            }
        }
    }

    // MARK: One attack

    private func send(
        _ attack: Attack,
        to call: CallDescription,
        baseline: AuditAnswer,
        _ players: AuditPlayers,
        _ report: inout AuditReport
    ) async {
        guard let answer = await players.call(AuditCall(method: call.name, params: attack.params)) else { return }
        report.countSent()
        switch AuditJudge.verdict(of: answer, to: attack, on: call, baseline: baseline) {
        case .good: break
        case .notReached: report.countNotReached(call.name)
        case .finding(let kind): report.add(finding(kind, call, players.way, attack.name, answer))
        }
    }

    private func sendAsNobody(_ call: CallDescription, _ way: AuditWay, _ report: inout AuditReport) async {
        guard call.permission != .public, let line = await target.open(way, as: .nobody),
            let answer = await line.call(AuditCall(method: call.name, params: AttackCorpus.goodParams(call)))
        else { return }
        await line.close()
        report.countSent()
        switch answer {
        case .refused(let refused) where refused.code == "UNAUTHENTICATED": break
        case .closed(4401): break
        default: report.add(finding(.permission, call, way.name, "without having said who", answer))
        }
    }

    /// The same key twice must give the same answer, and with other params a conflict.
    private func sendTwice(_ call: CallDescription, _ players: AuditPlayers, _ report: inout AuditReport) async {
        let key = "audit-\(players.way)-\(call.name)"
        var same = AuditCall(method: call.name, params: AttackCorpus.goodParams(call), key: String(key.prefix(64)))
        guard let line = players.one, let first = await line.call(same), let second = await line.call(same) else {
            return
        }
        report.countSent(2)
        guard case .result = first else { return }
        if first != second { report.add(finding(.replayed, call, line.way, "the same key twice", second)) }
        guard let other = AttackCorpus(call).attacks.first(where: { $0.isAnotherGoodCall }) else { return }
        same.params = other.params
        guard let third = await line.call(same) else { return }
        report.countSent()
        if third.code != "CONFLICT" {
            report.add(finding(.replayed, call, line.way, "the same key with other params", third))
        }
    }

    private func sendTooOften(_ call: CallDescription, _ way: AuditWay, _ report: inout AuditReport) async {
        guard call.rate.burst <= Self.burstMax, call.rate.perSecond <= Double(Self.burstMax) else {
            let omission = "\(call.name), its rate: it allows too many calls to send more"
            if !report.omissions.contains(omission) { report.omissions.append(omission) }
            return
        }
        guard let line = await target.open(way, as: .guest(playersMax + 1 + call.name.utf8.count)) else { return }
        let clock = ContinuousClock()
        let start = clock.now
        let count = call.rate.burst * 2 + 20
        let good = AuditCall(method: call.name, params: AttackCorpus.goodParams(call))
        let answers = await withTaskGroup(of: AuditAnswer?.self) { group in
            for _ in 0..<count { group.addTask { await line.call(good) } }
            return await group.reduce(into: []) { $0.append($1) }
        }
        let seconds = Double((clock.now - start).nanoseconds) / 1e9
        await line.close()
        report.countSent(count)
        let refused = answers.compactMap { if case .refused(let refused)? = $0 { refused } else { nil } }
        let limited = refused.filter { $0.code == "RATE_LIMITED" }.count
        guard limited < count, !refused.contains(where: { $0.code == "PERMISSION_DENIED" }) else { return }
        let served = count - limited
        if case .finding(let kind) = AuditJudge.rateVerdict(served: served, refused: refused, of: call, in: seconds) {
            let outcome = AuditAnswer.refused(.init(code: "\(served) of \(count) calls were served"))
            report.add(finding(kind, call, way.name, "more often than allowed", outcome))
        }
    }

    private func finding(
        _ kind: Finding.Kind,
        _ call: CallDescription,
        _ way: String,
        _ attack: String,
        _ answer: AuditAnswer
    ) -> Finding {
        Finding(kind: kind, method: call.name, way: way, attack: attack, outcome: answer.words)
    }

    // MARK: Others

    /// How long a polite client waits, ping by ping.
    private static func waits(of line: any AuditLine, count: Int) async -> [Double] {
        var waits: [Double] = []
        while waits.count < min(count, 100_000), !Task.isCancelled {
            guard let wait = await line.ping() else { break }
            waits.append(wait)
            await line.pause(milliseconds: 5)
        }
        return waits
    }

    private func judgeWaits(_ before: [Double], _ during: [Double], _ report: inout AuditReport) {
        report.politeBefore = AuditJudge.p99(before) ?? 0
        report.politeDuring = AuditJudge.p99(during) ?? 0
        if let outcome = AuditJudge.slowness(before: before, during: during) {
            report.add(Finding(kind: .slowed, method: "", way: "ping", attack: "a polite client", outcome: outcome))
        }
    }
}

extension Attack {
    /// Whether it is a good call with other params than the first good one.
    var isAnotherGoodCall: Bool { expectation == .passes && name != "a good call" && !name.hasPrefix("the fields in") }
}

/// The players of one way, in turn: who is told to wait waits while the others go on.
final class AuditPlayers {
    private let lines: [any AuditLine]
    private var turn = 0

    init(_ lines: [any AuditLine]) { self.lines = lines }

    var way: String { lines.first?.way ?? "" }
    var one: (any AuditLine)? { lines.first }

    /// Makes a call as whoever is next, and as another one if that one has called too often.
    func call(_ call: AuditCall) async -> AuditAnswer? {
        var answer: AuditAnswer?
        for attempt in 0..<Audit.retriesMax {
            turn = (turn + 1) % lines.count
            answer = await lines[turn].call(call)
            guard case .refused(let refused)? = answer, refused.code == "RATE_LIMITED" else { return answer }
            if attempt % lines.count == lines.count - 1 {
                await lines[turn].pause(milliseconds: min(refused.retryAfterMilliseconds ?? 100, 2_000))
            }
        }
        return answer
    }
}
