public import Base

extension Limits {
    /// Limits small enough that a short run meets them, different for every seed, and never in contradiction.
    public static func rehearsed(_ entropy: inout SeededEntropy) -> Limits {
        var limits = Limits()
        limits.loop.receiveBufferBytes = [4 << 10, 16 << 10, 128 << 10][entropy.uniform(in: 0...2)]
        limits.http.headBytesMax = 4 << 10
        limits.http.targetBytesMax = 2 << 10
        limits.http.trailerBytesMax = 1 << 10
        limits.http.bodyBufferBytesMax = entropy.chance(0.5) ? 8 << 10 : 64 << 10
        limits.http.bodyBytesMax = 200 << 10
        limits.http.exchangesPerConnectionMax = entropy.uniform(in: 1...8)
        limits.connection.inputKeptBytesMax = limits.loop.receiveBufferBytes + limits.http.headBytesMax + 4_096
        limits.connection.outgoingBytesHigh = 128 << 10
        limits.session.reliableBytesMax = 32 << 10
        limits.session.latestHighBytes = 16 << 10
        limits.session.bulkLowBytes = 8 << 10
        limits.session.behindBytesMax = 96 << 10
        limits.webSocket.messageBytesMax = 128 << 10
        limits.connection.outgoingBytesMax = 1 << 20
        limits.loop.eventsPerWaitMax = entropy.uniform(in: 1...32)
        limits.loop.acceptsPerIterationMax = entropy.uniform(in: 1...4)
        limits.loop.connectionsMax = 64
        limits.mailbox.messagesMax = entropy.chance(0.3) ? entropy.uniform(in: 1...4) : 1_000
        return limits
    }
}
