extension Limits {
    /// Limits of what one peer may ask for; how often each call may be made stands in the contract.
    public struct Budget: Sendable, Equatable {
        /// Messages per second of one connection. 60 inputs, their acks and some chat, twice over.
        public var connectionMessagesPerSecond = 250
        /// Messages of one connection at once after a pause: two seconds of a client that comes back from a tunnel.
        public var connectionMessagesBurst = 500
        /// Bytes per second of one connection: what a hundred large messages have; a document does not travel here.
        public var connectionBytesPerSecond = 256 << 10
        /// Bytes of one connection at once: two of the largest messages, so that each legal one can be sent.
        public var connectionBytesBurst = 2 << 20
        /// Refusals per second that a connection may cause by sending more than its own budget. A client that does not
        /// look at `retry_after_ms` at once stays below; each refusal costs us as much as a call.
        public var refusalsPerSecond = 50
        /// Such refusals at once. Past it the connection is closed with 4429: a flood.
        public var refusalsBurst = 1_000
        /// Cost per second of all calls of one address (IPv6: of one /64): a school or a café of fifty players.
        public var addressPerSecond = 2_000
        /// Cost at once of one address: everybody behind it reconnects after an outage.
        public var addressBurst = 4_000
        /// What a token or ticket that proves nothing costs its address, because looking at it was work: a hundred a second
        /// of one address, and it has nothing left for calls.
        public var failedProofCost = 20
        /// What a ticket costs its address: we keep it until it is used or too old. A hundred a second of one address.
        public var ticketCost = 20
        /// What a socket costs its address that brings a token or ticket with its upgrade: it gets a session at once, which
        /// outlives it. Two hundred a second of one address.
        public var upgradeCost = 10
        /// How many players an address is taken for as long as its callers have not said who they are: a public method
        /// has so many times its rate per address.
        public var strangersPerAddress = 16
        /// Cost per second of all calls of one player over all his sessions: two devices that play at full speed.
        public var playerPerSecond = 500
        /// Cost at once of one player.
        public var playerBurst = 1_000
        /// Cost per second of all calls of the process. More than this machine can decode, so it is off until an operator
        /// who has measured his game lowers it.
        public var serverPerSecond = 8_000_000
        /// Cost at once of the process.
        public var serverBurst = 2_000_000
        /// Addresses with a budget of their own, about 120 bytes each. Past it, newcomers share the budgets of a crowd.
        public var addressesMax = 65_536
        /// Players with a budget of their own, about 700 bytes each with 64 methods. Past it, newcomers share those of a
        /// crowd. Twice the connections of a loop, so that only callers over HTTP can come so far.
        public var playersMax = 131_072
        /// Ranges of addresses that are banned at once. Looking one up is a binary search per length of prefix.
        public var bansMax = 10_000
        /// The text that says why somebody is banned: a line for the operator.
        public var banReasonBytesMax = 256

        /// The defaults.
        public init() {}
    }
}
