/// What has happened on one loop. Plain numbers: only the loop touches them, and publishes them in `ReactorMetrics`.
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

    /// Changes whenever anything but traffic has been counted.
    var doorways: Int { accepted &+ turnedAway &+ acceptPauses &+ closed &+ adopted &+ visitsLost }
}
