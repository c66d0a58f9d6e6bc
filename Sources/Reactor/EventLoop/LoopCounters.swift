/// What has happened on one loop. Plain numbers: only the loop writes them, and who wants them asks the loop.
public struct LoopCounters: Sendable {
    /// Connections taken from listeners.
    public var accepted = 0
    /// Connections turned away because the loop is full or stopping.
    public var turnedAway = 0
    /// Times a listener rested because descriptors or memory had run out, or too many handshakes came at once.
    public var acceptPauses = 0
    /// Connections that ended.
    public var closed = 0
    /// Bytes that arrived, before decryption.
    public var bytesReceived = 0
    /// Bytes that left, after encryption.
    public var bytesSent = 0
    /// Connections that moved here from another loop.
    public var adopted = 0
    /// Visits to moved connections that a full mailbox swallowed.
    public var visitsLost = 0
    /// Iterations of the loop.
    public var turns = 0
    /// The longest iteration: how late a ready connection can have been served.
    public var lagMax = Duration.zero
    /// Iterations by length: under 1 ms, 4 ms, 20 ms, and longer.
    public var lags: (short: Int, medium: Int, long: Int, tooLong: Int) = (0, 0, 0, 0)

    private var lagMaxNanoseconds: Int64 = 0

    mutating func record(lag nanoseconds: Int64) {
        turns &+= 1
        switch nanoseconds {
        case ..<1_000_000: lags.short &+= 1
        case ..<4_000_000: lags.medium &+= 1
        case ..<20_000_000: lags.long &+= 1
        default: lags.tooLong &+= 1
        }
        if nanoseconds > lagMaxNanoseconds {
            lagMaxNanoseconds = nanoseconds
            lagMax = .nanoseconds(nanoseconds)
        }
    }
}
