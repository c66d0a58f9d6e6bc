import Base
import Testing

@testable import Reactor

/// Numbers that a seed decides, so that a failing case can be run again.
struct TLSDice {
    var state: UInt64

    /// The next number below `bound`.
    mutating func roll(_ bound: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int((state >> 33) % UInt64(bound))
    }
}

/// One end of a TLS connection in memory.
final class TLSEnd {
    var session: TLSSession
    var out = ByteBuffer()
    var plaintext: [UInt8] = []
    var ending: TLSReceived.Next?
    private let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 << 10, alignment: 16)

    init(_ context: TLSContext, serverName: String? = nil, resuming: TLSResumption? = nil, now: WallTime? = nil) throws
    {
        session = try TLSSession(context, serverName: serverName, resuming: resuming, now: now)
        try session.start(cipherOut: &out)
    }

    deinit { room.deallocate() }

    /// Takes ciphertext as a loop would: until everything is taken or the session is over.
    @discardableResult func receive(_ cipher: [UInt8], roomFor: Int = 16 << 10) -> TLSReceived.Next {
        cipher.withUnsafeBytes { raw in
            var left = raw
            while true {
                let received = session.receive(
                    &left,
                    into: UnsafeMutableRawBufferPointer(rebasing: room[..<roomFor]),
                    cipherOut: &out
                )
                plaintext += room[..<received.count]
                guard received.next == .again else {
                    #expect(left.isEmpty)
                    if received.next != .needsMore { ending = received.next }
                    return received.next
                }
            }
        }
    }

    func write(_ bytes: [UInt8]) throws(TLSError) {
        try bytes.span.bytes.withUnsafeBytes { (raw) throws(TLSError) in try session.write(raw, cipherOut: &out) }
    }

    var isResumed: Bool { session.isResumed }

    /// Takes away what is to be sent.
    func drain() -> [UInt8] {
        let bytes = out.array()
        out.removeAll()
        return bytes
    }
}

/// Carries bytes both ways until neither end has anything to say.
/// At most `piece` bytes arrive at once.
func settle(_ left: TLSEnd, _ right: TLSEnd, piece: Int = .max) {
    var isMoving = true
    while isMoving {
        isMoving = false
        for (from, to) in [(left, right), (right, left)] {
            let bytes = from.drain()
            if !bytes.isEmpty { isMoving = true }
            var at = 0
            while at < bytes.count {
                let end = min(bytes.count, piece < bytes.count ? at + piece : bytes.count)
                to.receive(Array(bytes[at..<end]))
                at = end
            }
        }
    }
}

/// Certificates that every test may use; making keys takes time, so they are made once.
enum TLSPapers {
    static let day: Int64 = 86_400 * 1_000_000_000
    /// A moment inside the validity of every certificate here, so that no test knows today's date.
    static let today = WallTime(nanoseconds: 20_000 * day)
    static let validity = WallTime(nanoseconds: 19_990 * day)..<WallTime(nanoseconds: 20_080 * day)

    static let authority = Result {
        try TLSSelfSigned.make(names: ["root.example"], validity: validity, isAuthority: true, issuer: nil)
    }

    static func issued(_ names: [String], validity: Range<WallTime> = Self.validity) throws -> TLSSelfSigned {
        try TLSSelfSigned.make(names: names, validity: validity, isAuthority: false, issuer: authority.get())
    }

    static func roots() throws -> TLSText { .bytes(try authority.get().certificate) }
}

/// Two ends that have not spoken yet. The client trusts the test root and asks for `game.example`.
func ends(
    _ server: TLSServerOptions? = nil,
    client: TLSClientOptions? = nil,
    serverName: String? = "game.example"
) throws -> (server: TLSEnd, client: TLSEnd) {
    let options =
        try server ?? TLSServerOptions(identities: [TLSPapers.issued(["game.example", "127.0.0.1"]).identity])
    let trust = try client ?? TLSClientOptions(trust: .roots(TLSPapers.roots()))
    return (
        try TLSEnd(.server(options), now: TLSPapers.today),
        try TLSEnd(.client(trust), serverName: serverName, now: TLSPapers.today)
    )
}
