/// Where play happens.
///
/// Ours are 26 characters (`Identifier`); a game may name its own, such as `lobby`.
public struct RoomID: IdentifyingName {
    /// The text.
    public let name: ShortName

    /// Names one.
    @inlinable public init(_ name: ShortName) { self.name = name }

    /// Where play happens.
    public static var shape: Shape { .room }
}
