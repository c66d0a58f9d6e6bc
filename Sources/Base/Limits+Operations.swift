extension Limits {
    /// Limits of what an operator sees: the admin listener, health and the export of traces.
    public struct Operations: Sendable, Equatable {
        /// A loop that has not answered for this long is not ready. Its slowest lawful iteration is some 20 ms, so two
        /// seconds are a fault and not a burst.
        public var loopSilenceMax = Duration.seconds(2)
        /// How often each loop is asked whether it is there: a few times within `loopSilenceMax`.
        public var beatInterval = Duration.milliseconds(500)
        /// Spans that wait to be exported; further ones are dropped and counted. About 2 MB, and some seconds of a busy
        /// server with one trace in a hundred.
        public var spansWaitingMax = 4_096
        /// Spans in one request to the collector: about 200 KB.
        public var spansPerExportMax = 512
        /// How long spans wait for others before they are sent.
        public var exportInterval = Duration.seconds(2)
        /// How long the collector may take for an answer.
        public var exportTimeout = Duration.seconds(10)
        /// The first wait after a failed export; it doubles, with jitter, up to `exportBackoffMax`.
        public var exportBackoffMin = Duration.seconds(1)
        /// The longest wait between two tries, also when the collector asks for more.
        public var exportBackoffMax = Duration.seconds(60)
        /// How often one batch is tried before it is dropped: about two minutes of an absent collector.
        public var exportTriesMax = 6
        /// Connections to the admin listener: some scrapers, some people.
        public var adminConnectionsMax = 256
        /// Bytes of a body that the admin listener takes: a reason and a range.
        public var adminBodyBytesMax = 16 << 10
        /// Rows of one page of a list.
        public var rowsPerPageMax = 1_000
        /// Connections to the socket through which `gamekeeper store` speaks: some terminals and a script.
        public var storeConnectionsMax = 8
        /// Bytes of what is asked there, and of an answer: the largest document as JSON, in which a control character takes
        /// six bytes.
        public var storeMessageBytesMax = 28 << 20
        /// How often the store is asked whether it is there, where nobody else asks it anything: often enough for who
        /// balances the load, and nothing that a store notices.
        public var storeProbeInterval = Duration.seconds(2)
        /// Locks that one answer looks at: a page is told before somebody waits for it, though few are held.
        public var lockRowsPerAnswerMax = 20_000

        /// The defaults.
        public init() {}
    }
}
