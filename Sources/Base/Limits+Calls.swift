extension Limits {
    /// Limits of calls, whatever they are spoken in.
    public struct Calls: Sendable, Equatable {
        /// Envelopes of one frame. A client that has more to say sends two frames; past it the rest of the frame is refused.
        public var batchMax = 64
        /// Calls of one connection that are answered later, at once. A game has a few; past it a call is refused with
        /// `UNAVAILABLE`, so that a client can't make us hold tasks without end.
        public var underWayMax = 64
        /// Questions to one client that wait for its answer. Past it the asker is refused with `UNAVAILABLE`.
        public var questionsMax = 16
        /// For a new connection to say who it is; past it close code 4401. A login takes two round trips and a slow phone.
        public var authenticationTimeout = Duration.seconds(10)
        /// Messages in a row that break a rule of the envelope; past it close code 4400. A client with a bug sees each of
        /// its mistakes told before it is cut; one that sends nothing else is no client.
        public var protocolErrorsMax = 10
        /// The longest method of a call: names are short, and a longer one is nobody's.
        public var methodBytesMax = 128
        /// The longest idempotency key: a UUID has 36 bytes, a signed one fits too.
        public var keyBytesMax = 256

        /// The defaults.
        public init() {}
    }
}
