import Base
import Reactor
import Synchronization

/// A place for one worker at a time: starts it, hears what it says, and has it killed, stopped in the middle and started
/// again, all at random. One thread.
final class StressSlot: Sendable {
    /// What a slot has seen.
    struct Found: Sendable {
        var lives: [Int: [StressRecord]] = [:]
        var kills = 0
        var pauses = 0
        var restarts = 0
        /// What no worker may do.
        var complaints: [String] = []
    }

    private let program: String
    private let place: String
    private let orders: StressWorker.Orders
    private let lives: StressLives
    private let found = Mutex(Found())
    private let isOver = Atomic<Bool>(false)

    init(_ program: String, place: String, _ orders: StressWorker.Orders, _ lives: StressLives) {
        self.program = program
        self.place = place
        self.orders = orders
        self.lives = lives
    }

    /// Starts it on a thread of its own.
    func start(seed: UInt64) -> Thread {
        Thread(named: "stress") { [self] in
            var entropy = SeededEntropy(seed: seed)
            while !isOver.load(ordering: .acquiring) {
                let life = lives.next()
                do throws(ProcessFailure) { try live(life, &entropy) } catch {
                    complain("process \(life): \(error)")
                    return
                }
            }
        }
    }

    /// Lets the worker end in order, and no other one come.
    func end() { isOver.store(true, ordering: .releasing) }

    /// What was seen, once the thread has ended.
    var result: Found { found.withLock { $0 } }

    private func complain(_ text: String) { found.withLock { $0.complaints.append(text) } }

    // MARK: A life

    private func live(_ life: Int, _ entropy: inout SeededEntropy) throws(ProcessFailure) {
        var options = ChildProcess.Options()
        options.takesInput = true
        var child = try ChildProcess([program, StressWorker.name], options)
        var orders = orders
        orders.life = life
        child.say(place)
        child.say(orders.text)
        var isUp = false
        var records: [StressRecord] = []
        defer { found.withLock { $0.lives[life] = records } }

        let clock = SystemClock()
        let patience = clock.now() + .seconds(40)
        while !isUp {
            guard let line = try hear(&child) else { continue }
            guard line == StressWorker.up, clock.now() < patience else {
                return complain("process \(life) did not come up: \(line)")
            }
            isUp = true
        }
        while true {
            let moment = clock.now() + .milliseconds(entropy.uniform(in: 400...3_000))
            while clock.now() < moment, !isOver.load(ordering: .acquiring) {
                guard let line = try hear(&child) else { continue }
                guard let record = StressRecord(line) else { return complain("process \(life) ended by itself") }
                records.append(record)
            }
            if isOver.load(ordering: .acquiring) { return try finish(&child, &records, life) }
            switch entropy.uniform(below: 10) {
            case 0..<5:
                child.destroy()
                found.withLock { $0.kills += 1 }
                return try drain(&child, &records)
            case 5..<8:
                // Whoever wakes up behind the end of his lease must not notice it too late.
                child.suspend()
                let more = entropy.uniform(in: 100...1_000)
                Bell().wait(within: StressPlan.lease + .milliseconds(more))
                child.resume()
                found.withLock { $0.pauses += 1 }
            default:
                found.withLock { $0.restarts += 1 }
                return try finish(&child, &records, life)
            }
        }
    }

    /// The next line, if one comes soon; the empty line at the end.
    private func hear(_ child: inout ChildProcess) throws(ProcessFailure) -> String? {
        do throws(ProcessFailure) {
            return try child.line(within: .milliseconds(50)) ?? ""
        } catch .late {
            return nil
        }
    }

    private func finish(
        _ child: inout ChildProcess,
        _ records: inout [StressRecord],
        _ life: Int
    ) throws(ProcessFailure) {
        child.say(StressWorker.stop)
        try drain(&child, &records)
        let ending = child.wait(within: .seconds(10))
        if ending != .exited(0) {
            complain("process \(life) was told to stop and ended as \(ending.map { "\($0)" } ?? "not at all")")
        }
    }

    private func drain(_ child: inout ChildProcess, _ records: inout [StressRecord]) throws(ProcessFailure) {
        while let line = try child.line(within: .seconds(40)) {
            if let record = StressRecord(line) { records.append(record) }
        }
        _ = child.wait(within: .seconds(10))
    }
}

/// Numbers for lives, over all slots and rounds.
final class StressLives: Sendable {
    private let number = Atomic<Int>(0)

    func next() -> Int { number.wrappingAdd(1, ordering: .relaxed).newValue }
}
