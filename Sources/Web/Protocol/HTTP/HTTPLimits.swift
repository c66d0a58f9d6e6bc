/// How much a message may announce before its body starts. Filled in by configuration, never by the peer.
public struct HTTPLimits: Sendable {
    /// The longest request target. Browsers and proxies send up to 8 kB.
    public let targetBytesMax: Int
    /// The longest head: first line, fields and the line that ends them.
    public let headBytesMax: Int
    /// How many fields a head may have.
    public let fieldsMax: Int
    /// The longest chunk-size line, extensions and line end included.
    public let chunkLineBytesMax: Int
    /// All extension bytes that one chunked body may carry: they cost work and mean nothing to us.
    public let chunkExtensionBytesMax: Int
    /// The longest trailer section.
    public let trailerBytesMax: Int

    /// Sets the limits that differ from the defaults.
    public init(
        targetBytesMax: Int = 8_192,
        headBytesMax: Int = 16_384,
        fieldsMax: Int = 100,
        chunkLineBytesMax: Int = 256,
        chunkExtensionBytesMax: Int = 4_096,
        trailerBytesMax: Int = 4_096
    ) {
        precondition(targetBytesMax > 0 && fieldsMax > 0, "a server that accepts no target or field serves nobody")
        precondition(headBytesMax >= targetBytesMax + 64, "the head must hold the longest target")
        precondition(headBytesMax < 1 << 30, "offsets are 32 bits wide")
        precondition(chunkLineBytesMax >= 20, "a chunk-size line has up to 16 digits, and two bytes end it")
        precondition(chunkExtensionBytesMax >= 0 && trailerBytesMax >= 2)
        self.targetBytesMax = targetBytesMax
        self.headBytesMax = headBytesMax
        self.fieldsMax = fieldsMax
        self.chunkLineBytesMax = chunkLineBytesMax
        self.chunkExtensionBytesMax = chunkExtensionBytesMax
        self.trailerBytesMax = trailerBytesMax
    }

    /// The longest method that is read at all; the registry's longest has 17 letters.
    static let methodBytesMax = 24
}
