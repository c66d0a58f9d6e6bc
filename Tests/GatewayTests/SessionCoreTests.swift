import Base
import Testing

@testable import Gateway

private let bounds = ReliableLane.Bounds(bytesMax: 10_000, eventsMax: 100, age: .max)
private let grace = Duration.seconds(30)
private func second(_ seconds: Int) -> MonotonicTime { MonotonicTime(nanoseconds: Int64(seconds) * 1_000_000_000) }

@Suite("Sessions: the core") struct SessionCoreTests {
    @Test func `a session that loses its socket waits for its grace period and is then forgotten`() {
        var core = SessionCore(bounds)
        var effects: [SessionCore.Effect] = []
        effects = core.take(.linkLost, at: second(5), grace: grace)
        #expect(effects == [.startGrace(until: second(35))])
        effects = core.take(.linkLost, at: second(6), grace: grace)
        #expect(effects == [])
        effects = core.take(.graceOver, at: second(34), grace: grace)
        #expect(effects == [.startGrace(until: second(35))])
        effects = core.take(.graceOver, at: second(35), grace: grace)
        #expect(effects == [.stopGrace, .forget(.expired)])
        #expect(core.phase == .ended(.expired))
    }

    @Test func `a session that comes back within its grace period goes on where its client stopped hearing`() {
        var core = SessionCore(bounds)
        var effects: [SessionCore.Effect] = []
        for _ in 0..<3 { _ = core.reliable.append(event("e"), bytes: 1, at: second(0), bounds) }
        _ = core.take(.linkLost, at: second(0), grace: grace)
        effects = core.take(.resumed(epoch: 1, seq: 2), at: second(29), grace: grace)
        #expect(effects == [.stopGrace, .replay])
        #expect(core.reliable.kept().map(\.seq) == [3])
        // The timer of the old period may still fire.
        effects = core.take(.graceOver, at: second(30), grace: grace)
        #expect(effects == [])
        #expect(core.phase == .attached)
    }

    @Test func `a newer socket replaces the older one`() {
        var core = SessionCore(bounds)
        var effects: [SessionCore.Effect] = []
        effects = core.take(.resumed(epoch: 1, seq: 0), at: second(1), grace: grace)
        #expect(effects == [.endLink(.replaced), .replay])
    }

    @Test(arguments: [(2, 0), (0, 0), (1, 4), (1, UInt64.max)] as [(UInt32, UInt64)])
    func `a client that says what cannot be begins anew`(epoch: UInt32, seq: UInt64) {
        var core = SessionCore(bounds)
        for _ in 0..<3 { _ = core.reliable.append(event("e"), bytes: 1, at: second(0), bounds) }
        let effects = core.take(.resumed(epoch: epoch, seq: seq), at: second(1), grace: grace)
        #expect(effects == [.endLink(.replaced), .restart])
        #expect(core.epoch == 2 && core.reliable.lastSeq == 0 && core.reliable.bytes == 0)
    }

    @Test func `a slow reader and a stop leave the session resumable, and say so to the client`() {
        for (input, reason) in [(SessionCore.Input.tooSlow, LinkEnd.tooSlow), (.stopping, .stopping)] {
            var core = SessionCore(bounds)
            var effects: [SessionCore.Effect] = []
            effects = core.take(input, at: second(0), grace: grace)
            #expect(effects == [.endLink(reason), .startGrace(until: second(30))])
            #expect(reason.isResumable)
            effects = core.take(.resumed(epoch: 1, seq: 0), at: second(1), grace: grace)
            #expect(effects == [.stopGrace, .replay])
        }
    }

    @Test func `nothing brings a session back that is over`() {
        let ends: [SessionEnd] = [.expired, .ended, .displaced, .kicked("rude"), .revoked, .stopped]
        let inputs: [SessionCore.Input] = [
            .linkLost, .tooSlow, .stopping, .resumed(epoch: 1, seq: 0), .graceOver, .end(.ended),
        ]
        for end in ends {
            var core = SessionCore(bounds)
            var effects: [SessionCore.Effect] = []
            _ = core.reliable.append(event("e"), bytes: 1, at: second(0), bounds)
            let told: [SessionCore.Effect] = end.linkEnd.map { [.endLink($0)] } ?? []
            effects = core.take(.end(end), at: second(0), grace: grace)
            #expect(effects == told + [.forget(end)])
            #expect(core.reliable.bytes == 0)
            for input in inputs {
                effects = core.take(input, at: second(99), grace: grace)
                #expect(effects == [])
            }
            #expect(core.phase == .ended(end))
        }
    }

    @Test(arguments: 1...100 as ClosedRange<UInt64>)
    func `whatever happens in whatever order, effects match the phase and it is forgotten once`(seed: UInt64) {
        var entropy = SeededEntropy(seed: seed)
        var core = SessionCore(bounds)
        var (now, hasLink, hasTimer, forgotten) = (0, true, false, 0)
        for _ in 0..<200 {
            now += entropy.uniform(in: 0...20)
            let input: SessionCore.Input =
                switch entropy.uniform(below: 40) {
                case 0...9: .linkLost
                case 10...14: .tooSlow
                case 15, 16: .stopping
                case 17...30: .resumed(epoch: UInt32(entropy.uniform(in: 0...3)), seq: entropy.uniform(below: 4))
                case 31...38: .graceOver
                default: .end(.ended)
                }
            // The shell lets go of a link that is lost before it says so.
            if input == .linkLost { hasLink = false }
            if input == .graceOver { hasTimer = false }
            for effect in core.take(input, at: second(now), grace: grace) {
                switch effect {
                case .endLink:
                    #expect(hasLink)
                    hasLink = false
                case .startGrace(let until):
                    #expect(!hasTimer && !hasLink && until > second(now))
                    hasTimer = true
                case .stopGrace: hasTimer = false
                case .replay, .restart:
                    #expect(!hasLink && !hasTimer)
                    hasLink = true
                case .forget: forgotten += 1
                }
            }
            if case .detached = core.phase { #expect(!hasLink && hasTimer) }
            if core.phase == .attached, input == .linkLost { Issue.record("a lost link leaves nobody attached") }
            if core.isEnded { #expect(!hasLink && !hasTimer && forgotten == 1) }
        }
    }
}

@Suite("Sessions: names and tokens") struct ResumeTokenTests {
    private func token(in bytes: [UInt8]) -> ResumeToken? { ResumeToken(text: bytes.span.bytes) }

    @Test func `a token survives its text, and every other text is none`() throws {
        var entropy = SystemEntropy()
        let token = ResumeToken(session: SessionID(bits: 77), secret: Token(entropy: &entropy))
        var text = ByteBuffer()
        token.appendSecret(to: &text)
        let bytes = text.array()
        #expect(bytes.count == ResumeToken.textBytes)
        let read = ResumeToken(text: text.bytes)
        #expect(read == token)
        for count in 0..<bytes.count { #expect(self.token(in: Array(bytes[..<count])) == nil) }
        #expect(self.token(in: bytes + [0x30]) == nil)
        for place in bytes.indices {
            var spoilt = bytes
            spoilt[place] = UInt8(ascii: "!")
            #expect(self.token(in: spoilt) == nil)
            spoilt[place] = bytes[place] == UInt8(ascii: "1") ? UInt8(ascii: "2") : UInt8(ascii: "1")
            #expect(self.token(in: spoilt) != token)
        }
    }
}
