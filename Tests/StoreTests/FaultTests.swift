import Base
import Synchronization
import Testing
import Wire

@testable import Store

/// What a game saw of its writes, to be compared with what a store has afterwards.
///
/// Every write is an increment of one of a few counters, so that a write that was lost, made twice or made by halves shows
/// in the sums: `acknowledged` ≤ stored ≤ `acknowledged` + `unknown`.
private final class Witness: Sendable {
    struct Counts: Sendable {
        var acknowledged = 0
        var unknown = 0
        var refused = 0
    }

    let counts = Mutex([Counts](repeating: Counts(), count: 4))

    func saw(_ result: StoreResult, _ counter: Int) {
        counts.withLock { counts in
            switch result {
            case .success(.written): counts[counter].acknowledged += 1
            case .failure(.unknownOutcome): counts[counter].unknown += 1
            default: counts[counter].refused += 1
            }
        }
    }

    var acknowledged: Int { counts.withLock { $0.reduce(0) { $0 + $1.acknowledged } } }
}

private func counterKeys(_ counter: Int) throws -> (DocumentKey, DocumentKey) {
    (try key("left \(counter)"), try key("right \(counter)"))
}

/// Adds 1 to both halves of a counter in one transaction.
private func step(_ counter: Int) throws -> Command {
    let (left, right) = try counterKeys(counter)
    return .transaction(Transaction([Write(left, .increment(1)), Write(right, .increment(1))]))
}

private func play(_ store: Store, _ witness: Witness, steps: Int, patience: Duration) async throws {
    await withTaskGroup(of: Void.self) { group in
        for counter in 0..<4 {
            group.addTask {
                for _ in 0..<steps {
                    guard let command = try? step(counter) else { continue }
                    let result: StoreResult = await withCheckedContinuation { continuation in
                        do throws(StoreError) {
                            try store.submit(
                                command,
                                for: .body { continuation.resume(returning: $0) },
                                patience: patience
                            )
                        } catch {
                            let fault: StoreFault = if case .failed(let fault) = error { fault } else { .closed }
                            continuation.resume(returning: .failure(fault))
                        }
                    }
                    witness.saw(result, counter)
                }
            }
        }
    }
}

/// Compares what is stored with what was seen.
private func check(_ store: Store, _ witness: Witness, _ where: Comment) async throws {
    for (counter, seen) in witness.counts.withLock({ $0 }).enumerated() {
        let (left, right) = try counterKeys(counter)
        let stored = try await store.document(left)?.body.number ?? 0
        #expect(try await store.document(right)?.body.number ?? 0 == stored, "half a transaction: \(`where`)")
        #expect(stored >= Int64(seen.acknowledged), "an acknowledged write is lost: \(`where`)")
        #expect(stored <= Int64(seen.acknowledged + seen.unknown), "a write was made that nobody knows of: \(`where`)")
    }
}

@Suite("Store on a failing disk", .serialized) struct FaultTests {
    private func options(_ disk: FaultDisk) -> StoreOptions {
        var options = StoreOptions()
        options.disk = disk
        options.limits.backoffMin = .milliseconds(1)
        options.limits.backoffMax = .milliseconds(4)
        // Small enough that checkpoints happen within the test.
        options.limits.checkpointPages = 40
        options.limits.checkpointPagesLeft = 10
        return options
    }

    /// The Nth operation fails, for N = 1, 2, 3 …: until the body runs through without having met it.
    @Test(arguments: [FaultDisk.Operation.write, .sync, .open])
    func `one failure of the disk loses nothing and is overcome`(operation: FaultDisk.Operation) async throws {
        var wasMet = true
        var nth = 1
        while wasMet, nth < 400 {
            let scratch = try Scratch()
            let disk = FaultDisk("one failure \(scratch.path)")
            let witness = Witness()
            let store = try Store(.sqlite(path: scratch.file), options(disk))
            let before = disk.count(operation)
            disk.fail(operation, nth: nth)
            try await play(store, witness, steps: 3, patience: .seconds(60))
            wasMet = disk.count(operation) - before >= nth
            #expect(witness.acknowledged == 12, "the \(nth)th \(operation) was not overcome")
            try await check(store, witness, "\(operation) \(nth)")
            store.close()
            disk.heal()
            let again = try Store(.sqlite(path: scratch.file))
            try await check(again, witness, "\(operation) \(nth), opened again")
            again.close()
            nth += operation == .write ? 3 : 1
        }
    }

    @Test func `a full disk is told, nothing is pretended, and room brings it back`() async throws {
        let scratch = try Scratch()
        let disk = FaultDisk("full \(scratch.path)")
        let witness = Witness()
        let store = try Store(.sqlite(path: scratch.file), options(disk))
        disk.leaveRoom(for: 100_000)
        try await play(store, witness, steps: 30, patience: .milliseconds(20))
        let told = witness.counts.withLock { $0.reduce(0) { $0 + $1.refused + $1.unknown } }
        #expect(told > 0)
        disk.heal()
        let before = witness.acknowledged
        try await play(store, witness, steps: 3, patience: .seconds(60))
        #expect(witness.acknowledged == before + 12)
        try await check(store, witness, "after a full disk")
        #expect(store.report.writer.isAway == false)
        store.close()
    }

    @Test func `a disk that has gone for good is told to those who wait, and the store still closes`() async throws {
        let scratch = try Scratch()
        let disk = FaultDisk("gone \(scratch.path)")
        let witness = Witness()
        let store = try Store(.sqlite(path: scratch.file), options(disk))
        try await play(store, witness, steps: 2, patience: .seconds(60))
        disk.cutPower()
        try await play(store, witness, steps: 2, patience: .milliseconds(10))
        #expect(witness.acknowledged == 8)
        #expect(store.report.writer.trouble != nil)
        store.close(within: .milliseconds(20))
        _ = disk.forgetUnsynced(seed: 0)
    }

    /// A power cut in the middle of everything. What was not synced is gone, or partly there and torn.
    @Test(arguments: Array(0..<24 as Range<UInt64>))
    func `a power cut loses nothing that was acknowledged`(seed: UInt64) async throws {
        let scratch = try Scratch()
        let (forgotten, witness) = try await cutPower(scratch, seed: seed, lies: false)
        #expect(forgotten != nil)
        let store = try Store(.sqlite(path: scratch.file))
        try await check(store, witness, "seed \(seed)")
        try await play(store, witness, steps: 2, patience: .seconds(60))
        try await check(store, witness, "seed \(seed), going on")
        store.close()
    }

    /// The control: on a disk that only says that it syncs, the same test finds lost writes. If it did not, it would prove
    /// nothing.
    @Test func `a disk that lies about its syncs is found out`() async throws {
        var isFound = false
        for seed in 0..<10 as Range<UInt64> where !isFound {
            let scratch = try Scratch()
            let (_, witness) = try await cutPower(scratch, seed: seed * 2, lies: true)
            do throws(StoreTrouble) {
                let store = try Store(.sqlite(path: scratch.file))
                for (counter, seen) in witness.counts.withLock({ $0 }).enumerated() {
                    let stored = try? await store.document(try counterKeys(counter).0)?.body.number ?? 0
                    isFound = isFound || (stored ?? 0) < Int64(seen.acknowledged)
                }
                store.close()
            } catch {
                isFound = true
            }
        }
        #expect(isFound)
    }

    private func cutPower(_ scratch: Scratch, seed: UInt64, lies: Bool) async throws -> (Int?, Witness) {
        let disk = FaultDisk("power \(scratch.path)")
        let witness = Witness()
        let store = try Store(.sqlite(path: scratch.file), options(disk))
        try await play(store, witness, steps: 2, patience: .seconds(60))
        disk.remember()
        if lies { disk.lie() }
        var entropy = SeededEntropy(seed: seed)
        let cut = witness.acknowledged + 1 + Int(entropy.uniform(below: 200))
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await play(store, witness, steps: 80, patience: .milliseconds(5)) }
            group.addTask {
                while witness.acknowledged < cut { await Task.yield() }
                disk.cutPower()
            }
        }
        store.close(within: .milliseconds(1))
        // Even seeds forget everything that was not synced, odd ones keep and tear some of it.
        return (disk.forgetUnsynced(seed: seed % 2 == 0 ? 0 : seed), witness)
    }
}
