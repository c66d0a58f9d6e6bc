import Base
import Reactor

/// Speaks to an echo of plain bytes whose handler pauses, writes late and moves about: every byte must come back once.
final class RawPlayer: Player {
    private var expected: [UInt8] = []
    private var got = 0
    private var left: Int
    private var hasFinished = false
    private let vanishesAfter: Int
    private var acts = 0

    init(in stage: Stage, to address: SocketAddress) {
        left = 0
        vanishesAfter = stage.network.entropy.chance(0.2) ? stage.network.entropy.uniform(in: 1...50) : .max
        super.init("raw client", in: stage, to: address)
        left = entropy.uniform(in: 1...60)
        if entropy.chance(0.3) { readsMax = 100 }
        if entropy.chance(0.3) { sendsMax = 5 }
    }

    override var state: String { "\(got) of \(expected.count) bytes echoed, \(unsent) unsent, finished \(hasFinished)" }

    override func think() -> Bool {
        acts += 1
        if acts > vanishesAfter {
            vanish()
            return true
        }
        if left > 0, unsent == 0 {
            left -= 1
            let bytes = (0..<entropy.uniform(in: 1...2_000)).map { _ in UInt8(truncatingIfNeeded: entropy.next()) }
            expected += bytes
            say(bytes)
            return true
        }
        guard left == 0, unsent == 0, !hasFinished else { return false }
        hasFinished = true
        finish()
        return true
    }

    override func heard(_ bytes: ArraySlice<UInt8>) {
        guard got + bytes.count <= expected.count, expected[got..<(got + bytes.count)].elementsEqual(bytes) else {
            return complain("an echo of something else at \(got)")
        }
        got += bytes.count
        ledger.echoesChecked += 1
    }

    override func ended() {
        if isOwedAll, vanishesAfter == .max {
            if ending == .broken {
                complain("cut: \(state)")
            } else if !hasFinished || got < expected.count {
                complain("the stream ends early: \(state)")
            }
        }
        leave()
    }
}
