/// Who plays.
///
/// Ours are 26 characters (`Identifier`); games and imported accounts may have others, such as `player_2`.
public struct PlayerID: IdentifyingName {
    /// The text.
    public let name: ShortName

    /// Names one.
    @inlinable public init(_ name: ShortName) { self.name = name }

    /// Who plays.
    public static var shape: Shape { .player }
}
