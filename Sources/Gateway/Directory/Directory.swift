import Base
import Contracts

/// What the directory can be asked for. Rooms, and other processes, are further cases of the same question.
enum DirectoryKey: Hashable, Sendable {
    case session(SessionID)
    case player(PlayerID)
}

/// One answer of the directory: a session and the loop on which it lives.
struct DirectoryPlace: Hashable, Sendable {
    let session: SessionID
    let loop: Int
}

/// Says which loop answers for a key: the same for everybody, and the same in every run.
struct Directory: Sendable {
    /// How many loops share the work.
    let loops: Int

    /// The loop that answers for a session.
    func shard(of session: SessionID) -> Int {
        // The lower bits are the random ones.
        Int(UInt64(truncatingIfNeeded: session.bits) % UInt64(loops))
    }

    /// The loop that answers for a player.
    func shard(of player: PlayerID) -> Int {
        var text = ByteBuffer(capacity: 32)
        player.append(to: &text)
        return Int(Self.hash(text.bytes) % UInt64(loops))
    }

    /// The loop that orders a topic's messages and keeps their history.
    func shard(of topic: TopicName) -> Int {
        var text = topic.text
        let hash = text.withUTF8 { bytes in unsafe Self.hash(RawSpan(_unsafeBytes: UnsafeRawBufferPointer(bytes))) }
        return Int(hash % UInt64(loops))
    }

    /// The loop that answers for a key.
    func shard(of key: DirectoryKey) -> Int {
        switch key {
        case .session(let session): shard(of: session)
        case .player(let player): shard(of: player)
        }
    }

    /// FNV-1a. Swift's own hash has another seed in every run, and a rehearsal could not be repeated.
    static func hash(_ bytes: RawSpan) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for offset in 0..<bytes.byteCount {
            hash = (hash ^ UInt64(unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self))) &* 0x100_0000_01B3
        }
        return hash ^ hash >> 32
    }
}

/// The part of the directory that one loop answers for. No other loop looks into it.
struct DirectoryShard {
    /// Where sessions live.
    private var places: [SessionID: Int] = [:]
    /// Who has which sessions.
    var seats = SeatBook()

    /// How many sessions are in it.
    var count: Int { places.count }

    mutating func register(_ session: SessionID, on loop: Int) { places[session] = loop }

    mutating func remove(_ session: SessionID) { places[session] = nil }

    /// Where something is; empty for what nobody knows.
    func find(_ key: DirectoryKey) -> [DirectoryPlace] {
        switch key {
        case .session(let session): places[session].map { [DirectoryPlace(session: session, loop: $0)] } ?? []
        case .player(let player):
            seats.seats(of: player).map { DirectoryPlace(session: $0.session, loop: $0.loop) }
        }
    }
}
