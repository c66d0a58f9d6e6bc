/// The limits of every reader and writer of this room, fixed because they follow from stacks and doubles. How long a
/// message may be is configured, in `Limits`, for whoever receives it.
public enum WireLimits {
    /// How deep objects and arrays may be nested. Reading them recurses, and a loop's stack is finite; contracts and
    /// documents of real games stay below 20.
    @inlinable public static var depthMax: Int { 128 }

    /// How many bytes one number of JSON may have. A double needs at most 767 digits to be rounded correctly; the rest
    /// is room for a sign, an exponent and generous zeros.
    @inlinable public static var numberBytesMax: Int { 1_100 }
}
