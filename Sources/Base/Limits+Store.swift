extension Limits {
    /// Limits of documents, locks and of the writer that makes them durable.
    public struct Store: Sendable, Equatable {
        /// Characters of a store's name, a scope or a key: what Roblox allows, so that scripts find what they know.
        public var nameCharactersMax = 50
        /// A document, encoded. Roblox allows as many characters of JSON; ours are denser.
        public var bodyBytesMax = 4 << 20
        /// Containers within each other in a document. A tree of items has ten; what nests deeper is a mistake or an attack.
        public var bodyDepthMax = 64
        /// What is written beside a document (metadata and user ids), encoded. Read with every document, so it is small.
        public var notesBytesMax = 1_024
        /// User ids of one document: a trade has two, a clan's bank some.
        public var userIDsMax = 16
        /// Documents that one transaction changes: a trade has two, a match that ends one per player.
        public var writesPerTransactionMax = 128
        /// Bytes of one transaction. It is larger than a group may grow, so it is alone in its group then.
        public var transactionBytesMax = 16 << 20
        /// Events that one transaction puts into the feed.
        public var eventsPerTransactionMax = 128
        /// The payload of one event: a message, not a document.
        public var eventBytesMax = 64 << 10
        /// How long a version is kept once there is a newer one, where a store has no other time: a month of mistakes
        /// that can be taken back.
        public var retention = Duration.seconds(30 * 86_400)

        /// How long a lock is held without being renewed. A process that died is taken over after it, within 15 s.
        public var lease = Duration.seconds(10)
        /// How often a lock is renewed: three tries within a lease. Whoever is asked to hand over learns it here at the
        /// latest, within 5 s of the question.
        public var leaseRenewal = Duration.seconds(3)
        /// The name of a lock's owner, for people: a host and a process.
        public var ownerNameBytesMax = 128

        /// How long before the end of a lease its holder stops answering from memory: what two clocks may differ in
        /// measuring it, and what may pass between the look at the clock and the answer.
        public var leaseMargin = Duration.seconds(1)
        /// Renewals that fall into so much time go together, so that ten thousand locks are thirty small batches and
        /// not ten thousand timers, and not one batch that everybody else waits behind either.
        public var renewalSlice = Duration.milliseconds(100)
        /// How often whoever waits for a lock asks again, at most; drawn from half of it on. What changes hands within a
        /// process does so at once.
        public var lockPoll = Duration.milliseconds(500)
        /// How long an owner may take to save and let go once he was asked. Then he is told that it is over.
        public var handoverTime = Duration.seconds(1)
        /// How long an opening waits for a lock, where the caller does not say otherwise: longer than a takeover after
        /// a crash.
        public var openPatience = Duration.seconds(20)
        /// Locks that one loop holds or waits for: several times the players of a loop.
        public var locksPerLoopMax = 32_768
        /// Bytes of changes on one loop that are made in memory and not yet saved. Past it, changes are refused before
        /// they are made.
        public var unsavedBytesPerLoopMax = 32 << 20
        /// Changes on one loop whose makers wait to hear that they are saved.
        public var unsavedChangesPerLoopMax = 65_536

        /// Commands that share one commit. More would make the first of them wait for the last, and gains little.
        public var groupCommandsMax = 256
        /// Bytes that share one commit: at a disk's 200 MB/s about 20 ms.
        public var groupBytesMax = 4 << 20
        /// A commit that takes so long is slow: before the next one the writer waits a moment for those whom it has just
        /// answered, an eighth of that time and `gatheringMax` at most.
        public var slowCommit = Duration.milliseconds(2)
        /// The longest such moment: a thread wakes up in less on a busy machine.
        public var gatheringMax = Duration.milliseconds(2)
        /// Commands that wait for the writer: more than a second of its work. Past it a command is refused at once.
        public var waitingCommandsMax = 65_536
        /// Bytes of the commands that wait.
        public var waitingBytesMax = 64 << 20
        /// Answers that one loop may wait for; past it a command of its is refused.
        public var openPerLoopMax = 65_536
        /// How long a command waits for a store that is away, where the caller does not say otherwise: longer than a
        /// database takes to fail over, shorter than a player waits.
        public var patience = Duration.seconds(30)
        /// The first wait after a failure; it doubles, with full jitter, up to `backoffMax`.
        public var backoffMin = Duration.milliseconds(20)
        /// The longest wait between two tries: how much later than the disk we come back.
        public var backoffMax = Duration.seconds(5)
        /// Failures in a row after which the store is called away, and impatient commands are refused at once.
        public var failuresToOpen = 3

        /// How often the transform of one update is run again because somebody else wrote first. A document that is
        /// fought over more than this wants a lock.
        public var updateTriesMax = 16

        /// Threads that read, each with a connection of its own.
        public var readers = 2
        /// Reads that share one transaction: taking a snapshot costs as much as some reads.
        public var readsPerTransactionMax = 32
        /// Reads that wait for a thread; past it a read is refused at once.
        public var waitingReadsMax = 65_536
        /// Documents of one batch read, and rows of one page of a list.
        public var rowsPerPageMax = 1_000
        /// Bytes of one page or batch: a page ends early when its documents are large.
        public var pageBytesMax = 8 << 20

        /// Boards that are in memory at a time, because somebody asks for ranks. Past it one that nobody has asked for
        /// `boardGrace` makes room; else the question is refused.
        public var boardsMax = 1_024
        /// Members of all boards in memory together, at some 80 bytes each. Past it boards make room in the same way.
        public var boardMembersMax = 4_000_000
        /// How long a board stays in memory that nobody asks: longer than the pause between two matches.
        public var boardIdle = Duration.seconds(900)
        /// How long a board stays at least, so that two that do not fit together do not take turns all the time; and how
        /// long one that is too large is refused without being looked at again.
        public var boardGrace = Duration.seconds(60)
        /// Members of one page of a board: ten of Roblox's.
        public var standingsPerPageMax = 1_000
        /// Questions about boards that wait, mostly for one that is being read. Past it a question is refused at once.
        public var boardQuestionsMax = 65_536
        /// Changes of scores that wait for boards to be read, or for the thread that ranks. Past it boards are dropped and
        /// read again: nothing is lost but time.
        public var boardChangesMax = 262_144
        /// Rows that are read at a time when a board is read: some ten milliseconds' work.
        public var boardRowsPerRead = 16_384
        /// How old the changes of other processes may be in an answer, where several share the store.
        public var boardStaleness = Duration.milliseconds(200)
        /// How long it is known of a removed member that he was, where several processes share the store: longer than any
        /// of them goes without asking. One that was away for half of it reads its boards again.
        public var removedScoreKept = Duration.seconds(3_600)

        /// Pages of the write-ahead log at which copying into the database begins: 64 MB, in which hot pages are
        /// written many times and copied once.
        public var checkpointPages = 16_384
        /// Pages that may be left for the writer itself to copy between two groups: some milliseconds of its time, with the sync.
        public var checkpointPagesLeft = 256
        /// Bytes that the checkpointer writes into the database between two syncs. A commit that comes meanwhile waits
        /// for as much on the disk: some milliseconds.
        public var checkpointBytesPerSync = 512 << 10
        /// The page cache of the writer; each reader has a quarter of it.
        public var cacheBytes = 64 << 20
        /// A database of up to so many bytes is checked whole before it is used after an unclean stop: about two
        /// seconds of reading. A larger one is checked while it is used.
        public var checkedAtStartBytesMax = 512 << 20
        /// Rows that one step of forgetting old versions looks at: its time stays below that of a group.
        public var pruneRowsPerStep = 256

        /// The defaults.
        public init() {}
    }
}

extension Limits {
    var storeRelations: [(holds: Bool, reason: String)] {
        [
            (
                store.leaseRenewal * 3 <= store.lease,
                "leaseRenewal must fit three times into lease, or one lost renewal loses the lock"
            ),
            (
                store.leaseRenewal * 2 + store.leaseMargin <= store.lease,
                "leaseMargin and two renewals must fit into lease, or one lost renewal silences the cache"
            ),
            (
                store.renewalSlice * 4 <= store.leaseRenewal,
                "renewalSlice must be a small part of leaseRenewal, or locks are renewed too early"
            ),
            (
                store.leaseRenewal + store.handoverTime + store.lockPoll < .seconds(5),
                "leaseRenewal, handoverTime and lockPoll must stay below the 5 s of a contested lock"
            ),
            (
                store.lease + store.lockPoll < .seconds(15),
                "lease and lockPoll must stay below the 15 s of a takeover after a crash"
            ),
            (
                store.locksPerLoopMax * 2 <= store.openPerLoopMax,
                "openPerLoopMax must hold a renewal and a save of every lock of a loop"
            ),
            (
                store.transactionBytesMax <= store.unsavedBytesPerLoopMax,
                "unsavedBytesPerLoopMax must hold one largest transaction"
            ),
            (store.bodyBytesMax <= store.transactionBytesMax, "transactionBytesMax must hold one largest document"),
            (
                store.transactionBytesMax <= store.waitingBytesMax,
                "waitingBytesMax must hold one largest transaction, or it is always refused"
            ),
            (store.bodyBytesMax <= store.pageBytesMax, "pageBytesMax must hold one largest document"),
            (store.backoffMin <= store.backoffMax, "backoffMin cannot exceed the store's backoffMax"),
            (
                store.checkpointPagesLeft < store.checkpointPages,
                "checkpointPagesLeft must be below checkpointPages, or the writer copies everything itself"
            ),
            (
                store.nameCharactersMax <= 500,
                "nameCharactersMax must stay within the 2,040 bytes that a member's name may have"
            ),
            (
                store.boardGrace <= store.boardIdle && store.boardIdle * 2 <= store.removedScoreKept,
                "boardGrace, boardIdle and removedScoreKept must rise, or a board in memory could miss a removal"
            ),
            (store.bodyDepthMax <= 100, "bodyDepthMax must stay below the depth that our readers take"),
        ]
    }
}
