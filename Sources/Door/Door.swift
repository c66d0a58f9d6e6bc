import Bench
import GamekeeperKit

/// The `gamekeeper` binary: the same entry point as every game's, with the examples linked in.
@main enum Door {
    static func main() { GamekeeperCommand.main([Bench.self]) }
}
