import Base

/// How a group is spread over connections: by names, so that commands that share one stay together and in their order.
enum PostgresShards {
    /// Commands of one connection, by their places in the group.
    struct Part: Equatable {
        let lane: Int
        var places: [Int]
    }

    /// Below this a second connection costs more, with its own statements and its own commit behind the first one's, than
    /// it gains by deciding and writing at the same time.
    private static let commandsPerLane = 96

    /// How many connections a group is worth.
    static func lanes(for count: Int, of lanes: Int) -> Int {
        min(lanes, (count + commandsPerLane - 1) / commandsPerLane)
    }

    static func parts(of commands: [Command], lanes: Int) -> [Part] {
        guard lanes > 1, commands.count > 1 else { return [Part(lane: 0, places: Array(commands.indices))] }
        let names = commands.map { $0.shardNames }
        var homes: [Int]
        if names.allSatisfy({ $0.count == 1 }) {
            homes = names.map { lane(of: $0[0], lanes) }
        } else {
            homes = joined(names).map { lane(of: $0, lanes) }
        }
        if commands.contains(where: { if case .prune = $0 { true } else { false } }) {
            homes = Array(repeating: 0, count: homes.count)
        }
        var parts: [Part] = []
        for (place, home) in homes.enumerated() {
            if let index = parts.firstIndex(where: { $0.lane == home }) {
                parts[index].places.append(place)
            } else {
                parts.append(Part(lane: home, places: [place]))
            }
        }
        return parts
    }

    /// For each command the name that stands for all names that hang together with its own.
    private static func joined(_ names: [[[UInt8]]]) -> [[UInt8]] {
        var numbers: [[UInt8]: Int] = [:]
        var parents: [Int] = []
        func root(_ number: Int) -> Int {
            var number = number
            while parents[number] != number {
                parents[number] = parents[parents[number]]
                number = parents[number]
            }
            return number
        }
        var firsts: [Int] = []
        for names in names {
            var first: Int?
            for name in names {
                let number = numbers[name] ?? parents.count
                if number == parents.count {
                    numbers[name] = number
                    parents.append(number)
                }
                if let first { parents[root(number)] = root(first) } else { first = number }
            }
            firsts.append(first ?? -1)
        }
        var texts = [[UInt8]](repeating: [], count: parents.count)
        for (name, number) in numbers { texts[number] = name }
        return firsts.map { $0 < 0 ? [] : texts[root($0)] }
    }

    /// FNV-1a, and a mixing of its bits behind it, because names differ in their ends. It is the same in every process, so
    /// that connections of two of them rarely meet on the way to the same rows.
    private static func lane(of name: [UInt8], _ lanes: Int) -> Int {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in name { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        hash = (hash ^ hash >> 32) &* 0xD6E8_FEB8_6659_FD93
        return Int((hash >> 32) % UInt64(lanes))
    }
}

extension Command {
    /// Every name that the command reads or changes, each once.
    fileprivate var shardNames: [[UInt8]] {
        switch self {
        case .prune: return [[]]
        case .lock(let lock): return [lock.key.packed]
        case .transaction(let transaction):
            var names: [[UInt8]] = []
            for write in transaction.writes {
                names.append(write.key.packed)
                if let fence = write.fence, fence.lock != write.key { names.append(fence.lock.packed) }
            }
            for score in transaction.scores { names.append(score.key.packed) }
            if let outcome = transaction.outcome { names.append(outcome.name.packed) }
            return names.isEmpty ? [[]] : names
        }
    }
}
