extension Limits {
    /// Limits of the store's connections to a PostgreSQL server.
    public struct Postgres: Sendable, Equatable {
        /// Connections that write: documents are spread over them by their names. One is busy with its commit while another
        /// one loads; more than four gain nothing.
        public var writers = 2
        /// Threads with a loop each, over which the connections are spread. A loop's part of a group is a third of the
        /// server's, so a second one gains nothing where both share two cores.
        public var loops = 1
        /// How long finding the server's address may take.
        public var resolveTimeout = Duration.seconds(5)
        /// How long one address may take to answer: a login and its TLS take some ten milliseconds.
        public var connectTimeout = Duration.seconds(5)
        /// How long the server itself may take for one statement.
        public var statementTimeout = Duration.seconds(10)
        /// How long a statement waits for a row that another process has locked, which a living process does for the time
        /// of a commit.
        public var lockTimeout = Duration.seconds(8)
        /// How long the server keeps the row locks of a process that stands still between its statements. Shorter than the
        /// lease of a lock: such a process must not keep others from taking it over.
        public var idleInGroupTimeout = Duration.seconds(4)
        /// How long we wait for an answer: longer than the server's own time-outs, so that it is the server who says what
        /// has become of a statement, as long as it can say anything.
        public var answerTimeout = Duration.seconds(12)
        /// How often a group is run again because other processes wanted the same rows.
        public var conflictTriesMax = 16

        /// The defaults.
        public init() {}
    }
}
