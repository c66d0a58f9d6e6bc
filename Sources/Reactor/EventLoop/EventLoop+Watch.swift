import Base

/// Descriptors that are somebody else's: a library's socket, whose bytes the library reads and writes by itself and about
/// which it only needs to hear when.
extension EventLoop {
    /// Watches a foreign descriptor. The closure runs on this loop whenever the descriptor is ready for what it is watched
    /// for, again and again until that is used up, and when it breaks.
    ///
    /// The descriptor stays its owner's: the loop never closes it. The owner ends the watch before he closes it; where a
    /// library has closed it behind his back, he ends the watch before he does anything else on this loop.
    ///
    /// - Throws: `outOfDescriptors` when `watchesMax` are watched or the loop stops, and what the kernel refuses, above all
    ///   a descriptor that is watched already.
    public func watch(
        _ descriptor: Descriptor,
        for interest: Interest,
        _ body: @escaping (Readiness) -> Void
    ) throws(KernelError) -> LoopWatch {
        guard life == .running, let watch = watches.put(descriptor, body, max: limits.loop.watchesMax) else {
            throw .outOfDescriptors
        }
        do throws(KernelError) {
            try kernel.arm(descriptor, for: interest, token: watch.token)
        } catch {
            _ = watches.take(watch)
            throw error
        }
        return watch
    }

    /// Changes what a descriptor is watched for; nothing at all is allowed, and then only a break is told. A watch that has
    /// ended stays ended.
    public func change(_ watch: LoopWatch, to interest: Interest) {
        guard let descriptor = watches.descriptor(of: watch) else { return }
        kernel.rearm(descriptor, for: interest, token: watch.token)
    }

    /// Ends a watch, also from within its own closure, which is not called again: not even for what this iteration has
    /// already been told. Ending it twice does no harm.
    public func unwatch(_ watch: LoopWatch) {
        guard let descriptor = watches.take(watch) else { return }
        kernel.disarm(descriptor)
    }

    /// How many foreign descriptors are watched.
    public var watchCount: Int { watches.count }

    func visit(watchOf readiness: Readiness) { watches.body(of: readiness.token)?.run(readiness) }

    /// The loop has stopped: nobody is told of anything any more, and the owners close what is theirs.
    func endWatches() { for watch in watches.all { unwatch(watch) } }
}

/// Names a watch that was begun with `EventLoop.watch`.
public struct LoopWatch: Hashable, Sendable {
    let token: UInt64
}

/// The watches of a loop, by slot; the token has the slot's generation, so a late report finds nobody.
struct WatchTable {
    /// With `Listener.tokenBit` it tells a watch's token from a listener's; no wake-up has such a token, because the bits
    /// between it and the generation are never set.
    static let tokenBit: UInt64 = 1 << 62
    private static let slotBits: UInt64 = 24
    private static let slotMask: UInt64 = 1 << slotBits - 1
    private static let generationMask: UInt64 = 1 << 30 - 1

    /// A closure in a struct: put into an optional by itself, it would be wrapped in another one on the heap.
    struct Body {
        let descriptor: Descriptor
        let run: (Readiness) -> Void
    }

    private struct Slot {
        var generation: UInt64 = 0
        var body: Body?
    }

    private var slots: [Slot] = []
    private var vacant: [Int] = []
    var count: Int { slots.count - vacant.count }

    /// Takes a watch in; `nil` when there are too many.
    mutating func put(_ descriptor: Descriptor, _ run: @escaping (Readiness) -> Void, max: Int) -> LoopWatch? {
        guard count < max, count < Int(Self.slotMask) else { return nil }
        let index = vacant.popLast() ?? slots.count
        if index == slots.count { slots.append(Slot()) }
        slots[index].generation = (slots[index].generation + 1) & Self.generationMask
        slots[index].body = Body(descriptor: descriptor, run: run)
        return name(of: index)
    }

    /// Takes a watch out, and names its descriptor if it was there.
    mutating func take(_ watch: LoopWatch) -> Descriptor? {
        guard let index = index(of: watch.token) else { return nil }
        defer {
            slots[index].body = nil
            vacant.append(index)
        }
        return slots[index].body?.descriptor
    }

    func descriptor(of watch: LoopWatch) -> Descriptor? { body(of: watch.token)?.descriptor }

    func body(of token: UInt64) -> Body? { index(of: token).flatMap { slots[$0].body } }

    var all: [LoopWatch] { slots.indices.filter { slots[$0].body != nil }.map { name(of: $0) } }

    private func name(of index: Int) -> LoopWatch {
        let number = slots[index].generation << Self.slotBits | UInt64(index)
        return LoopWatch(token: Listener.tokenBit | Self.tokenBit | number)
    }

    private func index(of token: UInt64) -> Int? {
        let index = Int(token & Self.slotMask)
        guard slots.indices.contains(index), slots[index].body != nil, name(of: index).token == token else {
            return nil
        }
        return index
    }
}
