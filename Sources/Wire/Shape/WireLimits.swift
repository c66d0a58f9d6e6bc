/// The limits of every reader and writer of this room. How long a message may be is decided by whoever receives it.
public enum WireLimits {
    /// How deep objects and arrays may be nested. Reading them recurses, and a loop's stack is finite; contracts and
    /// documents of real games stay below 20.
    public static let depthMax = 128

    /// How many bytes one number of JSON may have. A double needs at most 767 digits to be rounded correctly; the rest
    /// is room for a sign, an exponent and generous zeros.
    public static let numberBytesMax = 1_100
}
