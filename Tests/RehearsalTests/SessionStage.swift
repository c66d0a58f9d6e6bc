import Base
import Contracts
import Reactor
import Rehearsal
import Testing
import Wire

@testable import Gateway

/// Writes nothing but the payload: what sessions do does not depend on it.
final class PlainEncoding: EventEncoding {
    let place: Int
    let format: WireFormat
    init(_ place: Int = 0, _ format: WireFormat = .json) {
        self.place = place
        self.format = format
    }
    func makeTail(of event: OutgoingEvent) -> EventTail {
        var out = ByteBuffer()
        event.payload(format, &out)
        return EventTail(SharedBytes(out))
    }
}

/// A socket that notes what it is told and lets a test say how fast it is.
final class FakeLink: SessionLink {
    let encoding: any EventEncoding
    var isOpen = true
    var outputWaiting = 0
    /// What each event adds to what waits.
    var weighs = 0
    var heard: [(seq: UInt64?, name: String)] = []
    var asked: [String] = []
    var ends: [LinkEnd] = []
    var awaitsDrain = false
    var onDeliver: (OutgoingEvent) -> Void = { _ in }

    init(_ encoding: any EventEncoding = PlainEncoding()) { self.encoding = encoding }

    var names: [String] { heard.map(\.name) }

    func deliver(_ event: OutgoingEvent, seq: UInt64?) {
        #expect(ends.isEmpty, "an event to a link that was let go")
        heard.append((seq, event.name))
        outputWaiting += weighs
        onDeliver(event)
    }
    func ask(_ request: OutgoingRequest) { asked.append(request.method) }
    func awaitDrain() { awaitsDrain = true }
    func end(_ reason: LinkEnd) {
        ends.append(reason)
        isOpen = false
    }
}

final class FakeCompanion: SessionCompanion {
    var notes: [String] = []
    var onDetach: (Session) -> Void = { _ in }
    func attached(_ session: Session) { notes.append("attached") }
    func detached(_ session: Session) {
        notes.append("detached")
        onDetach(session)
    }
    func ended(_ session: Session, because end: SessionEnd) { notes.append("\(end)") }
}

/// Loops turned by hand, with sessions on them.
// All of it happens on the test's own thread.
final class SessionStage: @unchecked Sendable {
    let network = FakeNetwork(seed: 1)
    let group: EventLoopGroup
    let sessions: Sessions
    let telemetry: Telemetry

    init(
        loops: Int = 1,
        families: [TopicFamily] = [],
        _ change: (inout Limits) -> Void = { _ in }
    ) throws {
        var limits = Limits()
        change(&limits)
        let network = network
        group = try EventLoopGroup(count: loops, limits: limits) { _ in FakeKernel(network) }
        telemetry = .silent(loops: loops)
        var entropy = SeededEntropy(seed: 7)
        sessions = try Sessions(
            on: group,
            limits: limits.session,
            telemetry: telemetry,
            families: families,
            entropy: { _ in
                var own = entropy.fork()
                return SessionEntropy { own.next() }
            }
        )
        for loop in group.loops { loop.adoptThread() }
    }

    func hub(_ loop: Int = 0) -> SessionHub { sessions.hubs[loop] }

    func turn(_ times: Int = 4) { for _ in 0..<times { for loop in group.loops where !loop.isStopped { loop.turn() } } }

    func pass(_ duration: Duration) {
        network.advance(by: duration.nanoseconds)
        turn()
    }

    func open(_ player: String = "ann", on loop: Int = 0, _ link: FakeLink = FakeLink()) throws -> Session {
        var result: Result<Session, SessionRefusal>?
        hub(loop).open(SessionOwner(player: try self.player(player), family: 5), on: link) { result = $0 }
        if result == nil { turn() }
        return try #require(result).get()
    }

    func player(_ text: String) throws -> PlayerID { try #require(PlayerID(text)) }

    /// A player for whom this loop answers.
    func name(on loop: Int) throws -> String {
        let names = (0..<99).map { "p\($0)" }
        return try #require(names.first { PlayerID($0).map { sessions.directory.shard(of: $0) } == loop })
    }

    func claim(_ session: Session, seq: UInt64, epoch: UInt32? = nil) -> ResumeClaim {
        ResumeClaim(token: session.resumeToken, epoch: epoch ?? session.epoch, seq: seq)
    }

    /// Loses the socket by itself.
    func cut(_ session: Session) {
        guard let link = session.link else { return }
        session.hub.detach(session, from: link)
    }

    /// Every trace of a session is a number in a gauge or a table; all must return to nothing.
    func expectNothingLeft() {
        turn(6)
        #expect(sessions.count == 0)
        let metrics = sessions.metrics
        let gauges = [
            metrics.attached, metrics.detached, metrics.reliableBytes, metrics.latestBytes, metrics.bulkBytes,
        ]
        #expect(gauges.map(\.value) == [0, 0, 0, 0, 0])
        for hub in sessions.hubs {
            #expect(hub.roster.count == 0 && hub.shard.count == 0 && hub.shard.seats.players == 0)
            #expect(hub.letters.waiting == 0 && hub.questions.waiting == 0)
            #expect(hub.topics.counts.heard == 0)
        }
    }
}

func named(_ name: String, _ lane: Lane = .reliable, subject: UInt64 = 0, bytes: Int = 10) -> OutgoingEvent {
    var circumstances = OutgoingEvent.Circumstances()
    circumstances.lane = lane
    circumstances.subject = subject
    return OutgoingEvent(name, at: WallTime(nanoseconds: 0), circumstances) { _, out in
        for _ in 0..<bytes { out.append(0x61) }
    }
}
