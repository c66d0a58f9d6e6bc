/// A game: its name and, from there, everything it asks of Gamekeeper.
public protocol Game {
    /// The name in commands and documents.
    static var name: String { get }
}
