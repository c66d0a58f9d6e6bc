import Base

extension Limits {
    /// Limits small enough that a short run meets them, or wide enough that nothing is ever lost to them.
    static func rehearsedGate(_ entropy: inout SeededEntropy, keepsEverything: Bool) -> Limits {
        var limits = Limits()
        limits.loop.receiveBufferBytes = [4 << 10, 16 << 10, 128 << 10][entropy.uniform(in: 0...2)]
        limits.http.headBytesMax = 4 << 10
        limits.http.targetBytesMax = 1 << 10
        limits.http.trailerBytesMax = 1 << 10
        limits.loop.eventsPerWaitMax = entropy.uniform(in: 1...32)
        limits.loop.connectionsMax = 256
        limits.mailbox.messagesMax = entropy.chance(0.3) ? entropy.uniform(in: 1...4) : 1_000
        limits.session.topicIdle = .seconds(60)
        limits.session.perPlayerMax = entropy.chance(0.5) ? 2 : 8
        // What a guest may ask for is another test's claim.
        limits.budget.addressPerSecond = 1_000_000
        limits.budget.addressBurst = 1_000_000
        if keepsEverything {
            limits.session.reliableAge = .seconds(86_400)
            limits.session.reliableEventsMax = 8_192
            return limits
        }
        limits.session.reliableBytesMax = 16 << 10
        limits.session.reliableEventsMax = entropy.uniform(in: 4...200)
        limits.session.behindBytesMax = 32 << 10
        limits.session.latestHighBytes = 8 << 10
        limits.session.bulkLowBytes = 4 << 10
        return limits
    }
}
