import Base
import Contracts
import Synchronization
import Testing
import Wire

@testable import Command

/// A contract with every shape.
private func sample(_ change: (inout [FieldShape]) -> Void = { _ in }) -> ContractDescription {
    let point = ObjectShape(
        name: "Point",
        fields: [FieldShape("label", number: 1, .text(0...8, .line)), FieldShape("weight", number: 2, .int(1...9))]
    )
    var fields = [
        FieldShape("flag", number: 1, .bool), FieldShape("count", number: 2, .int(-3...100)),
        FieldShape("power", number: 3, .number(0...1, admitsNonFinite: false)),
        FieldShape("free", number: 4, .number(nil, admitsNonFinite: true)),
        FieldShape("weapon", number: 5, .text(1...32, .identifier)), FieldShape("note", number: 6, .text(0...10, .any)),
        FieldShape("mode", number: 7, .choice(["fast", "slow"])), FieldShape("blob", number: 8, .bytes(2...5)),
        FieldShape("points", number: 9, .array(.object(point), 1...3)),
        FieldShape("scores", number: 10, .map(.int(0...10), 0...3, nameLengthMax: 6)),
        FieldShape("title", number: 11, .optional(.text(1...4, .only("abc")))),
        FieldShape("place", number: 12, .vector3(-10...10)), FieldShape("aim", number: 13, .vector2(nil)),
        FieldShape("target", number: 14, .player), FieldShape("room", number: 15, .room),
        FieldShape("at", number: 16, .timestamp),
    ]
    change(&fields)
    var call = CallDescription("player.act", parameters: ObjectShape(name: "Act", fields: fields), result: nil)
    call.isIdempotent = true
    let open = CallDescription("server.time", parameters: ObjectShape(name: "Nothing", fields: []), result: nil)
    return ContractDescription(name: "sample", version: "1", calls: [call, open])
}

/// A game in memory that judges by its own contract, which may not be the one that is audited.
private final class FakeGame: AuditTarget {
    let contract: ContractDescription
    let holes: Set<Finding.Kind>
    let ways = AuditWay.all
    let outcomes = Mutex<[String: String]>([:])
    let served = Mutex<[String: Int]>([:])

    init(_ contract: ContractDescription, holes: Set<Finding.Kind> = []) {
        self.contract = contract
        self.holes = holes
    }

    func open(_ way: AuditWay, as player: AuditPlayer) async -> (any AuditLine)? {
        if case .socket(let format) = way { return Line(game: self, format: format, way: way.name, player: player) }
        return Line(game: self, format: .json, way: way.name, player: player)
    }

    func errorsLogged() async -> Int? { holes.contains(.internalError) ? served.withLock { $0.count } : 0 }

    func send(_ breach: Breach) async -> AuditAnswer? {
        if holes.contains(.closed) { return .closed(1011) }
        if let code = breach.codes.min() { return .refused(.init(code: code)) }
        return breach.closes.min().map { .closed($0) }
    }

    struct Line: AuditLine {
        let game: FakeGame
        let format: WireFormat
        let way: String
        let player: AuditPlayer

        func call(_ call: AuditCall) async -> AuditAnswer? {
            if let params = call.params, params.encoded(format) == nil { return nil }
            guard let description = game.contract.calls.first(where: { $0.name == call.method }) else {
                return refused("UNKNOWN_METHOD")
            }
            if player == .nobody, !game.holes.contains(.permission) { return refused("UNAUTHENTICATED") }
            if isTooOften(description) {
                return .refused(
                    .init(code: "RATE_LIMITED", retryAfterMilliseconds: game.holes.contains(.rate) ? nil : 1)
                )
            }
            if let refusal = Naive.object(call.params ?? .fields([]), description.parameters, "params") {
                if game.holes.contains(.wrongCode), refusal.problem == "not_finite" { return refused("INVALID_ACTION") }
                let field = game.holes.contains(.wrongField) ? "params" : refusal.field
                return .refused(.init(code: "INVALID_ARGUMENT", field: field, problem: refusal.problem))
            }
            return outcome(of: call)
        }

        private func refused(_ code: String) -> AuditAnswer { .refused(.init(code: code)) }

        /// The fake has no clock: a burst comes back when somebody pauses.
        private func isTooOften(_ call: CallDescription) -> Bool {
            game.served.withLock { served in
                let count = served["\(player) \(way) \(call.name)", default: 0]
                guard count < call.rate.burst else { return true }
                served["\(player) \(way) \(call.name)"] = count + 1
                return false
            }
        }

        private func outcome(of call: AuditCall) -> AuditAnswer {
            guard let key = call.key, let params = call.params else { return .result(nil) }
            let text = "\(params)"
            let first = game.outcomes.withLock { outcomes in
                defer { outcomes[key] = outcomes[key] ?? text }
                return outcomes[key]
            }
            if first != nil, first != text, !game.holes.contains(.replayed) { return refused("CONFLICT") }
            return .result(nil)
        }

        func ping() async -> Double? {
            await Task.yield()
            return nil
        }

        func pause(milliseconds: Int64) async {
            game.served.withLock { $0 = [:] }
            await Task.yield()
        }
    }
}

@Suite struct AttackCorpusTests {
    @Test func `every attack is refused by a naive reading of the contract, at the field and for the reason it names`()
    {
        for call in sample().calls {
            let corpus = AttackCorpus(call)
            for attack in corpus.attacks {
                let refusal = Naive.object(attack.params, call.parameters, "params")
                switch attack.expectation {
                case .passes: #expect(refusal == nil, "\(attack.name)")
                case .refused(let field, let problems):
                    #expect(refusal?.field == field, "\(attack.name)")
                    #expect(problems.isEmpty || problems.contains(refusal?.problem ?? ""), "\(attack.name)")
                }
            }
            #expect(corpus.omissions.isEmpty)
        }
    }

    @Test func `every field gets wrong types and every bound its neighbours`() {
        let attacks = AttackCorpus(sample().calls[0]).attacks
        let names = Set(attacks.map(\.name))
        #expect(attacks.count > 250)
        for field in sample().calls[0].parameters.fields {
            let own = attacks.filter { $0.name.hasPrefix("params.\(field.name):") }
            #expect(own.contains { if case .refused = $0.expectation { true } else { false } }, "\(field.name)")
        }
        for name in [
            "params.count: one below the smallest", "params.count: one above the largest", "params.power: NaN",
            "params.weapon: one character too long", "params.points[0].weight: one above the largest",
            "params.points: one too many", "params.scores.k: one above the largest", "params.scores.k: a name twice",
            "params.place.z: just above the largest", "params.title: the character U+7E",
            "params.blob: one byte too few",
            "params.points[0].no_such_field: an unknown field behind", "params.flag: left out", "params.flag: twice",
            "params.count: sixty lists within one another in place of a whole number",
        ] { #expect(names.contains(name), "\(name)") }
    }

    @Test(arguments: WireFormat.allCases) func `an attack can be said in the formats that it names`(format: WireFormat)
    {
        var said = 0
        for attack in AttackCorpus(sample().calls[0]).attacks where attack.formats.contains(format) {
            if attack.params.encoded(format) != nil { said += 1 }
        }
        #expect(said > 120)
    }

    @Test func `what is too large to send is left out and told`() {
        let contract = sample {
            $0.append(FieldShape("many", number: 17, .array(.text(1...900_000, .any), 0...900_000)))
        }
        let corpus = AttackCorpus(contract.calls[0])
        #expect(corpus.omissions.count >= 2)
        #expect(corpus.attacks.allSatisfy { $0.params.encodedSize < 2 * AttackCorpus.valueBytesMax + 4_096 })
    }
}

@Suite(.timeLimit(.minutes(10))) struct AuditTests {
    @Test func `a good game has no findings`() async {
        let report = await Audit(sample(), on: FakeGame(sample())).run()
        #expect(report.findings.map(\.finding) == [])
        #expect(report.sent > 1_000)
        #expect(report.notReached.isEmpty)
    }

    @Test func `a contract that lies about a bound is found out, at the field and in every format`() async {
        let real = sample { $0[1] = FieldShape("count", number: 2, .int(-3...101)) }
        let report = await Audit(sample(), on: FakeGame(real)).run()
        let finding = report.findings.first?.finding
        #expect(report.findings.count == 1)
        #expect(finding?.kind == .accepted)
        #expect(finding?.attack == "params.count: one above the largest")
        #expect(report.findings.first?.count == 5)
        #expect(
            report.text.contains("accepted: player.act, params.count: one above the largest [json] was done (5 times)")
        )
        #expect(report.json.contains(#""kind":"accepted""#))
    }

    @Test func `a bound that is narrower than the contract says is found out too`() async {
        let real = sample { $0[4] = FieldShape("weapon", number: 5, .text(1...31, .identifier)) }
        let report = await Audit(sample(), on: FakeGame(real)).run()
        #expect(report.findings.map(\.finding.kind) == [.goodRefused])
        #expect(report.findings.map(\.finding.attack) == ["params.weapon: the longest"])
    }

    @Test(arguments: [Finding.Kind.permission, .rate, .replayed, .wrongCode, .wrongField, .closed, .internalError])
    func `each hole in the gate is found`(hole: Finding.Kind) async {
        let report = await Audit(sample(), on: FakeGame(sample(), holes: [hole])).run()
        #expect(report.findings.contains { $0.finding.kind == hole })
        #expect(!report.findings.contains { $0.finding.kind != hole })
    }

    @Test func `answers that name nothing, close or never come are findings`() {
        let call = sample().calls[0]
        let attack = Attack.refused("x", .fields([]), at: "params.flag", ["missing"])
        func verdict(_ answer: AuditAnswer, baseline: AuditAnswer = .result(nil)) -> AuditJudge.Verdict {
            AuditJudge.verdict(of: answer, to: attack, on: call, baseline: baseline)
        }
        #expect(verdict(.closed(4400)) == .finding(.closed))
        #expect(verdict(.silence) == .finding(.silent))
        #expect(verdict(.result(nil)) == .finding(.accepted))
        #expect(verdict(.refused(.init(code: "INTERNAL"))) == .finding(.internalError))
        #expect(verdict(.refused(.init(code: "NOT_FOUND"))) == .finding(.wrongCode))
        #expect(verdict(.refused(.init(code: "INVALID_ARGUMENT"))) == .finding(.wrongField))
        #expect(verdict(.refused(.init(code: "INVALID_ARGUMENT", field: "params.flag", problem: "missing"))) == .good)
        let shut = AuditAnswer.refused(.init(code: "PERMISSION_DENIED"))
        #expect(verdict(shut, baseline: shut) == .notReached)
        #expect(verdict(shut) == .finding(.wrongCode))
    }

    @Test func `others count as slowed when a player would feel it`() {
        let calm = Array(repeating: 1.0, count: 100)
        #expect(AuditJudge.slowness(before: calm, during: calm + [500]) == nil)
        #expect(AuditJudge.slowness(before: calm, during: Array(repeating: 49, count: 100)) == nil)
        #expect(AuditJudge.slowness(before: calm, during: Array(repeating: 60, count: 100)) != nil)
        #expect(
            AuditJudge.slowness(before: Array(repeating: 10, count: 9), during: Array(repeating: 60, count: 9)) == nil
        )
        #expect(AuditJudge.slowness(before: [], during: []) == nil)
    }

    @Test func `a breach of the wire is refused, closed or passed over as its rule says`() throws {
        let breaches = Breach.all(sample().calls[0])
        #expect(Set(breaches.map(\.format)) == Set(WireFormat.allCases))
        let unknown = try #require(breaches.first { $0.name == "a method that nobody declared" })
        #expect(unknown.verdict(of: .refused(.init(code: "UNKNOWN_METHOD"))) == .good)
        #expect(unknown.verdict(of: .refused(.init(code: "NOT_FOUND"))) == .finding(.wrongCode))
        #expect(unknown.verdict(of: .result(nil)) == .finding(.accepted))
        #expect(unknown.verdict(of: .refused(.init(code: "INTERNAL"))) == .finding(.internalError))
        let garbage = try #require(breaches.first { $0.name == "no JSON" })
        #expect(garbage.verdict(of: .closed(4400)) == .good)
        #expect(garbage.verdict(of: .closed(1011)) == .finding(.closed))
        #expect(garbage.verdict(of: .silence) == .finding(.silent))
        let late = try #require(breaches.first { $0.name == "an ack of what was never sent" })
        #expect(late.verdict(of: .result(nil)) == .good)
    }

    @Test func `a rate is judged by what was served and by when to come back`() {
        var call = sample().calls[0]
        call.rate = Rate(perSecond: 10, burst: 20)
        let limited = AuditAnswer.Refused(code: "RATE_LIMITED", retryAfterMilliseconds: 5)
        #expect(AuditJudge.rateVerdict(served: 25, refused: [limited], of: call, in: 0.5) == .good)
        #expect(AuditJudge.rateVerdict(served: 27, refused: [limited], of: call, in: 0.5) == .finding(.rate))
        let mute = AuditAnswer.Refused(code: "RATE_LIMITED")
        #expect(AuditJudge.rateVerdict(served: 5, refused: [mute], of: call, in: 0.5) == .finding(.rate))
    }
}

@Suite struct AuditEnvelopeTests {
    @Test(arguments: WireFormat.allCases) func `an answer is read in every format`(format: WireFormat) throws {
        let params = try #require(
            AttackValue.fields([.init(name: "n", number: 1, value: .plain(.int(7)))]).encoded(format)
        )
        let bytes = AuditEnvelope.call("a.b", id: 300, params: params, key: "k", format)
        if format == .protobuf {
            #expect(bytes == [8, 1, 16, 0xAC, 2, 26, 3, 97, 46, 98, 34, 2, 8, 7, 66, 1, 107])
            let answer: [UInt8] = [8, 2, 16, 5, 50, 7, 10, 3, 65, 66, 67, 40, 9]
            #expect(
                AuditReading.all(in: answer, format).first?.answer
                    == .refused(.init(code: "ABC", retryAfterMilliseconds: 9))
            )
        } else {
            let value = try Value(bytes.span.bytes, as: format)
            let sent: Value = .object([
                "type": .string("rpc"), "id": .int(300), "method": .string("a.b"), "params": .object(["n": .int(7)]),
                "key": .string("k"),
            ])
            #expect(value == sent)
            let details: Value = .object(["field": .string("params.n"), "problem": .string("missing")])
            let error: Value = .object([
                "code": .string("INVALID_ARGUMENT"), "message": .string("m"), "details": details, "retry": .bool(false),
            ])
            let answer: Value = .array([
                .object(["type": .string("response"), "id": .int(5), "error": error]),
                .object(["type": .string("event"), "event": .string("e")]),
            ])
            var output = ByteBuffer()
            try answer.write(format, to: &output)
            let readings = AuditReading.all(in: output.array(), format)
            #expect(readings.count == 1)
            #expect(readings.first?.id == 5)
            #expect(
                readings.first?.answer
                    == .refused(.init(code: "INVALID_ARGUMENT", message: "m", field: "params.n", problem: "missing"))
            )
        }
    }
}
