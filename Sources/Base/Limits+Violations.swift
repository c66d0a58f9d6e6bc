extension Limits {
    /// What these limits promise each other and break, one sentence each; none for the defaults.
    ///
    /// Configuration is read by people, so a bad value is told by name and reason rather than by a trap.
    public func violations() -> [String] {
        var broken: [String] = []
        for (value, name) in counts where value < 1 { broken.append("\(name) must be at least 1") }
        for (duration, name) in durations where duration <= .zero {
            broken.append("\(name) must be longer than nothing")
        }
        for (holds, reason) in relations where !holds { broken.append(reason) }
        return broken
    }

    /// The longest head that a server frame and a masked client frame may have.
    static let frameHeadBytesMax = 14

    private var relations: [(holds: Bool, reason: String)] {
        connectionRelations + webRelations + webSocketRelations + budgetRelations + otherRelations + sessionRelations
            + storeRelations
    }

    private var connectionRelations: [(holds: Bool, reason: String)] {
        [
            (
                connection.outgoingBytesHigh < connection.outgoingBytesMax,
                "outgoingBytesHigh must be below outgoingBytesMax, or a producer is cut off before it is told to pause"
            ),
            (
                connection.inputKeptBytesMax >= loop.receiveBufferBytes + http.headBytesMax,
                "inputKeptBytesMax must hold a whole read and an unfinished head before it"
            ),
            (
                loop.unfinishedBytesMax >= max(http.bodyBytesMax, webSocket.messageBytesMax),
                "unfinishedBytesMax must hold the longest body and the longest message"
            ),
            (loop.receiveBufferBytes <= 1 << 30, "receiveBufferBytes above 1 GiB is a unit mistake"),
            (
                loop.connectionsMax < 1 << 24,
                "connectionsMax must fit the 24 bits that a connection's handle has for its slot"
            ),
            (
                loop.timersMax >= 3 * loop.connectionsMax,
                "timersMax must allow every connection its idle, write and ping timer"
            ),
        ]
    }

    private var webRelations: [(holds: Bool, reason: String)] {
        [
            (http.targetBytesMax < http.headBytesMax, "targetBytesMax must be below headBytesMax, which contains it"),
            (http.trailerBytesMax <= http.headBytesMax, "trailerBytesMax cannot exceed headBytesMax"),
            (http.headBytesMax <= loop.receiveBufferBytes, "headBytesMax cannot exceed receiveBufferBytes"),
            (http.headTimeout <= http.idleTimeout, "headTimeout cannot exceed idleTimeout, which would cut it short"),
            (http.chunkLineBytesMax < http.headBytesMax, "chunkLineBytesMax must be below headBytesMax"),
            (
                connection.outgoingBytesHigh >= 2 * http.bodyBufferBytesMax,
                "outgoingBytesHigh must let an echo hold the body that it has read and the one that it reads"
            ),
            (
                client.idleTimeout < http.idleTimeout,
                "the client's idleTimeout must be below the server's, or calls between two of us meet a closing connection"
            ),
        ]
    }

    private var webSocketRelations: [(holds: Bool, reason: String)] {
        [
            (
                connection.outgoingBytesMax >= 2 * (webSocket.messageBytesMax + Self.frameHeadBytesMax),
                "outgoingBytesMax must hold two messages of messageBytesMax, or one legal message closes its receiver"
            ),
            (
                webSocket.pingInterval + webSocket.pongTimeout <= .seconds(60),
                "pingInterval and pongTimeout together must stay within a minute: proxies drop what is silent for longer"
            ),
        ]
    }

    private var budgetRelations: [(holds: Bool, reason: String)] {
        [
            (
                budget.failedProofCost <= budget.addressBurst,
                "budget.failedProofCost must be at most budget.addressBurst, or nobody can prove anything"
            ),
            (
                max(budget.ticketCost, budget.upgradeCost) <= budget.addressBurst,
                "budget.ticketCost and budget.upgradeCost must be at most budget.addressBurst, or they cost less than they say"
            ),
            (
                budget.connectionBytesBurst >= webSocket.messageBytesMax,
                "connectionBytesBurst must hold one message of messageBytesMax, or that message is always refused"
            ),
            (
                outcomes.outcomeBytesMax <= outcomes.bytesPerPlayerMax
                    && outcomes.bytesPerPlayerMax <= outcomes.bytesMax,
                "outcomeBytesMax must fit into bytesPerPlayerMax and that into bytesMax"
            ),
            (outcomes.keptAtLeast <= outcomes.keptFor, "keptAtLeast cannot exceed keptFor"),
        ]
    }

    private var otherRelations: [(holds: Bool, reason: String)] {
        [
            (
                blocking.resolutionsMax < blocking.threads,
                "resolutionsMax must be below threads, or a dead name server stops all other blocking work"
            ),
            (
                telemetry.valueBytesMax * 2 <= telemetry.lineBytesMax,
                "lineBytesMax must hold at least two values of valueBytesMax"
            ),
            (
                operations.beatInterval * 2 < operations.loopSilenceMax,
                "beatInterval must fit twice into loopSilenceMax, or a loop seems silent between two questions"
            ),
            (
                operations.storeMessageBytesMax >= store.bodyBytesMax * 6,
                "storeMessageBytesMax must hold one largest document as JSON, in which a byte may take six"
            ),
            (
                operations.spansPerExportMax <= operations.spansWaitingMax,
                "spansPerExportMax cannot exceed spansWaitingMax, which it is taken from"
            ),
            (
                operations.exportBackoffMin <= operations.exportBackoffMax,
                "exportBackoffMin cannot exceed exportBackoffMax"
            ),
            (
                connection.lingerTimeout < loop.stopTimeout && webSocket.closeTimeout < loop.stopTimeout,
                "stopTimeout must be longer than lingerTimeout and closeTimeout, or no stop is graceful"
            ),
        ]
    }
}

extension Limits {
    /// Every whole number among the limits, by name. A test compares it with the fields that exist.
    var counts: [(value: Int, name: String)] { Self.fields(of: self) { $0 as? Int } }

    /// Every time among the limits, by name.
    var durations: [(duration: Duration, name: String)] {
        Self.fields(of: self) { $0 as? Duration }.map { (duration: $0.value, name: $0.name) }
    }

    /// Reads the fields by reflection: it runs once, at the start, and cannot forget a limit that was added.
    private static func fields<Value>(of limits: Limits, as read: (Any) -> Value?) -> [(value: Value, name: String)] {
        Mirror(reflecting: limits).children.flatMap { group in
            Mirror(reflecting: group.value).children.compactMap { field in
                read(field.value).map { ($0, "\(group.label ?? "").\(field.label ?? "")") }
            }
        }
    }
}
