import Base
import Testing

@testable import Store

@Suite("PostgreSQL shards") struct PostgresShardTests {
    private func names(_ command: Command) -> Set<String> {
        guard case .transaction(let transaction) = command else { return [] }
        return Set(
            transaction.writes.map(\.key.description) + transaction.writes.compactMap { $0.fence?.lock.description }
        )
    }

    @Test(arguments: 0..<50 as Range<UInt64>)
    func `no name is on two connections, and commands of one stay in order`(seed: UInt64) throws {
        var entropy = SeededEntropy(seed: seed)
        var commands: [Command] = []
        for _ in 0..<40 {
            var writes: [Write] = []
            for _ in 0...entropy.uniform(below: 3) {
                let key = try key("k\(entropy.uniform(below: 60))")
                let lock = try StoreTests.key("k\(entropy.uniform(below: 60))")
                let fence = entropy.chance(0.2) ? Fence(lock: lock, token: 1, owner: owner(1)) : nil
                writes.append(Write(key, .increment(1), fence: fence))
            }
            commands.append(.transaction(Transaction(writes)))
        }
        let parts = PostgresShards.parts(of: commands, lanes: 4)
        #expect(parts.flatMap(\.places).sorted() == Array(commands.indices))
        var homes: [String: Int] = [:]
        for part in parts {
            #expect(part.places == part.places.sorted())
            for place in part.places {
                for name in names(commands[place]) {
                    #expect(homes[name] ?? part.lane == part.lane)
                    homes[name] = part.lane
                }
            }
        }
    }

    @Test func `many names are spread over all connections`() throws {
        let commands = try (0..<256).map { Command.write(Write(try key("player \($0)"), .increment(1))) }
        let parts = PostgresShards.parts(of: commands, lanes: 4)
        #expect(parts.count == 4)
        #expect(parts.allSatisfy { $0.places.count > 32 })
    }
}
