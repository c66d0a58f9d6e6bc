extension Limits {
    /// Limits of the outcomes that are kept so that a call with a key has its effect once.
    public struct Outcomes: Sendable, Equatable {
        /// How long an outcome is returned again: a day, in which every client has asked again or given up.
        public var keptFor = Duration.seconds(86_400)
        /// How long it is kept however many others there are. Retries come within minutes; when a bound below would need
        /// a younger one to go, a new call with a key is refused instead.
        public var keptAtLeast = Duration.seconds(600)
        /// Bytes of all outcomes in memory: 400,000 of the usual 160 bytes. Past it the oldest go first.
        public var bytesMax = 64 << 20
        /// Bytes of one player's outcomes, so that nobody pushes out those of others. Past it his own oldest go first.
        public var bytesPerPlayerMax = 256 << 10
        /// Bytes of one outcome. The effect of a call that answers more still happens once, but its answer is not
        /// repeated. It is held free while a call runs, so a player may have 16 such calls under way.
        public var outcomeBytesMax = 16 << 10
        /// A key. A UUID has 36 characters.
        public var keyBytesMax = 64
        /// Calls that wait for the first one with their key: more duplicates than that are no accident.
        public var waitingPerKeyMax = 8
        /// Calls that wait for any other at once.
        public var waitingMax = 10_000

        /// The defaults.
        public init() {}
    }
}
