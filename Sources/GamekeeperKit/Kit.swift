// What a game imports: one name for the public faces of the rooms that a game's author works with.
@_exported public import Base
@_exported public import Command
@_exported public import Contracts
@_exported public import Gamekeeper
@_exported public import GamekeeperClient
@_exported public import Gateway
@_exported public import Store
@_exported public import Web
@_exported public import Wire

extension Game {
    /// The entry point of a game's own executable: it gets every sub-command.
    public static func main() { GamekeeperCommand.main([Self.self]) }
}
