import Bench
import GamekeeperKit
import PingArena

/// The `gamekeeper` binary: the same entry point as every game's, with the examples linked in.
@main enum Door {
    static func main() { GamekeeperCommand.main([PingArena.self, Bench.self]) }
}
