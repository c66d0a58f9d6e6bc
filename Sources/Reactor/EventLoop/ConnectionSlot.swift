import Base

/// One connection's state, in memory that never moves while its loop lives.
///
/// Code holds a `SlotPointer` and reaches single fields through it; nobody keeps an `inout` to a whole slot across a
/// call, because handlers reach the same slot through their `Connection`.
struct ConnectionSlot: ~Copyable {
    enum Phase: UInt8 {
        /// Nobody lives here.
        case free
        /// We called; the answer is not here yet.
        case connecting
        /// A listener behind a proxy waits for the PROXY header.
        case awaitingProxyHeader
        /// TLS is being agreed on.
        case shakingHands
        /// Bytes go to the handler.
        case open
        /// All is sent; input is thrown away until the peer has finished too, so that our last bytes are not lost to a reset.
        case lingering
        /// The connection lives on another loop; `forward` says where.
        case moved
        /// Dead; buried at the end of the iteration, because the batch in hand may still name it.
        case closing
    }

    struct Flags: OptionSet {
        let rawValue: UInt16
        /// Something was written since the last send.
        static let dirty = Flags(rawValue: 1)
        /// The slot stands in the loop's list of slots to flush.
        static let listed = Flags(rawValue: 2)
        /// The handler asked for silence.
        static let paused = Flags(rawValue: 4)
        /// So much output waits that we read no more until it has left.
        static let congested = Flags(rawValue: 8)
        /// Finish as soon as the output has left.
        static let finishing = Flags(rawValue: 16)
        /// The end of the peer's stream has been read.
        static let peerFinished = Flags(rawValue: 32)
        /// The slot stands in the list of slots whose kept input is delivered again.
        static let resumed = Flags(rawValue: 64)
        /// The peer was told that the server stops.
        static let toldToStop = Flags(rawValue: 128)
        /// close_notify has been sent.
        static let tlsClosed = Flags(rawValue: 256)
        /// The connection leaves for another loop at the end of the iteration.
        static let departing = Flags(rawValue: 512)
        /// The peer's stream ended without the goodbye of TLS: somebody may have cut it.
        static let truncated = Flags(rawValue: 1024)
        /// The handler wants to hear when everything written has left, congested or not.
        static let awaitsDrain = Flags(rawValue: 2048)
        /// The kernel reports nothing of the descriptor: it could not be armed again.
        static let unarmed = Flags(rawValue: 4096)
        /// No input is delivered while one of these holds.
        static let silencing: Flags = [.paused, .congested, .departing]
    }

    // The loop owns the slab that holds this slot, so it is there as long as anybody can look.
    unowned(unsafe) let loop: EventLoop
    let index: UInt32
    var generation: UInt32 = 1
    var phase = Phase.free
    var interest: Interest = []
    var flags: Flags = []
    /// How many sweeps must come back before visits that were sent to this slot itself may be opened.
    var sweepsUnderWay: UInt16 = 0
    var descriptor = Descriptor(number: -1)
    var handler: (any ConnectionHandler)?
    var tls: TLSLink?
    /// What the handler left unconsumed. It owns memory only while a frame is partial.
    var input = ByteBuffer()
    /// What waits to be sent, before encryption. It owns memory only between a write and its send.
    var output = ByteBuffer()
    /// The first write of an iteration, where it is shared with others: sent from where it stands, unless more is written.
    var sharedOutput: SharedBytes?
    var peer = SocketAddress.unix(path: "")
    /// When the handler wants to be called, and the entry in the wheel, which may be earlier: it is moved lazily.
    var deadline = MonotonicTime.never
    /// Whether `timerAt` stands for an entry, and which. Optionals of eight bytes would take sixteen.
    var timer: TimerID? {
        get { timerAt == .never ? nil : timerID }
        set {
            timerID = newValue ?? timerID
            if newValue == nil { timerAt = .never }
        }
    }
    private var timerID = TimerID(rawValue: 0)
    var timerAt = MonotonicTime.never
    /// When a peer that is slow to read is judged, and how many bytes it has taken since the last time.
    var readerJudgedAt = MonotonicTime.never
    var takenByReader: UInt32 = 0
    /// Up to here waiting output needs no further note once the connection is dirty.
    let notedBelow: UInt32
    /// How many bytes were thrown away while lingering.
    var discarded: UInt32 = 0
    /// Where the connection went from here the last time, as soon as that is known.
    var forward: ConnectionID? {
        get { forwardID == 0 ? nil : ConnectionID(rawValue: forwardID) }
        set { forwardID = newValue?.rawValue ?? 0 }
    }
    /// 0 names nobody, because generations begin at 1.
    private var forwardID: UInt64 = 0
    /// The slots that the connection has lived in, at most one per loop; a signpost stays in each until it ends.
    var homes: [ConnectionID] = []

    init(loop: EventLoop, index: UInt32) {
        self.loop = loop
        notedBelow = UInt32(clamping: loop.limits.connection.outgoingBytesHigh)
        self.index = index
    }

    var id: ConnectionID { ConnectionID(loop: loop.index, slot: index, generation: generation) }
}

typealias SlotPointer = UnsafeMutablePointer<ConnectionSlot>

/// The slots of one loop, in chunks that are never moved or freed while the loop lives: reading the generation of a
/// stale pointer is therefore always defined, and that is how a stale handle is found out.
struct ConnectionSlab: ~Copyable {
    private static let chunkSize = 256

    private var chunks: [SlotPointer] = []
    private var vacant: [UInt32] = []
    private var made: UInt32 = 0
    let slotsMax: Int
    private(set) var occupied = 0

    init(slotsMax: Int) {
        precondition(slotsMax > 0 && slotsMax < 1 << 24)  // the index has 24 bits in a ConnectionID
        self.slotsMax = slotsMax
    }

    deinit {
        for (number, chunk) in chunks.enumerated() {
            chunk.deinitialize(count: min(Self.chunkSize, Int(made) - number * Self.chunkSize))
            chunk.deallocate()
        }
    }

    /// Takes a vacant slot; `nil` when all are taken.
    mutating func take(for loop: EventLoop) -> SlotPointer? {
        if let index = vacant.popLast() {
            occupied += 1
            return at(index)
        }
        guard Int(made) < slotsMax else { return nil }
        if Int(made) % Self.chunkSize == 0 { chunks.append(.allocate(capacity: Self.chunkSize)) }
        let index = made
        made += 1
        occupied += 1
        let slot = at(index)
        slot.initialize(to: ConnectionSlot(loop: loop, index: index))
        return slot
    }

    /// Gives a slot back. Its generation moves on, so every handle to it is stale from now.
    mutating func giveBack(_ slot: SlotPointer) {
        slot.pointee.generation = slot.pointee.generation == 0x7FFF_FFFF ? 1 : slot.pointee.generation + 1
        slot.pointee.phase = .free
        vacant.append(slot.pointee.index)
        occupied -= 1
    }

    @inline(__always) private func at(_ index: UInt32) -> SlotPointer {
        chunks[Int(index) / Self.chunkSize] + Int(index) % Self.chunkSize
    }

    /// The slot that the id names, unless its connection is gone.
    @inline(__always) func find(_ id: ConnectionID) -> SlotPointer? {
        guard id.slot < made else { return nil }
        let slot = at(id.slot)
        return slot.pointee.generation == id.generation && slot.pointee.phase != .free ? slot : nil
    }

    /// Every slot in use, by index.
    func forEach(_ body: (SlotPointer) -> Void) {
        for index in 0..<made {
            let slot = at(index)
            if slot.pointee.phase != .free { body(slot) }
        }
    }
}
