import Base
import Reactor
import Rehearsal
import Testing

/// A library with a socket of its own, on one loop of a calm network that is turned by hand.
private final class Library {
    let network = FakeNetwork(seed: 7)
    let group: EventLoopGroup
    let descriptor: Descriptor
    let far: FakeSocket
    var heard: [Readiness] = []
    var watch: LoopWatch?
    /// What it does when it hears something.
    var reacts: () -> Void = {}

    init(_ change: (inout Limits) -> Void = { _ in }) throws {
        var limits = Limits()
        change(&limits)
        let network = network
        group = try EventLoopGroup(count: 1, limits: limits) { _ in FakeKernel(network) }
        (descriptor, far) = network.openForeign()
        loop.adoptThread()
    }

    var loop: EventLoop { group.loops[0] }

    func listen(for interest: Interest) throws {
        watch = try loop.watch(descriptor, for: interest) { [unowned self] readiness in
            heard.append(readiness)
            reacts()
        }
    }

    /// Reads what has come, past the loop.
    func read() -> Int {
        withUnsafeTemporaryAllocation(byteCount: 100, alignment: 1) { memory in
            if case .moved(let count) = loop.kernel.receive(from: descriptor, into: memory) { count } else { 0 }
        }
    }

    func send() { _ = network.send([1, 2, 3], from: far) }
}

@Suite("Foreign descriptors") struct WatchTests {
    @Test func `a watch is told what it asks for, and as often as it is true`() throws {
        let library = try Library()
        try library.listen(for: .read)
        library.loop.turn()
        #expect(library.heard.isEmpty)
        library.send()
        library.loop.turn()
        library.loop.turn()
        #expect(library.heard.map(\.readable) == [true, true], "nobody has read it yet")
        #expect(library.heard.allSatisfy { !$0.writable })
        #expect(library.read() == 3)
        library.loop.turn()
        #expect(library.heard.count == 2)
        #expect(library.network.violations.isEmpty)
    }

    @Test func `what a watch asks for may change`() throws {
        let library = try Library()
        try library.listen(for: .read)
        let watch = try #require(library.watch)
        library.loop.change(watch, to: [.read, .write])
        library.loop.turn()
        #expect(library.heard.map(\.writable) == [true])
        library.send()
        library.loop.change(watch, to: [])
        library.loop.turn()
        #expect(library.heard.count == 1, "it asks for nothing")
        library.loop.change(watch, to: .read)
        library.loop.turn()
        #expect(library.heard.last?.readable == true)
        #expect(library.heard.last?.writable == false)
    }

    @Test func `a watch that ends itself is told nothing more`() throws {
        let library = try Library()
        try library.listen(for: .read)
        let watch = try #require(library.watch)
        library.reacts = { library.loop.unwatch(watch) }
        library.send()
        library.loop.turn()
        library.loop.turn()
        #expect(library.heard.count == 1)
        #expect(library.loop.watchCount == 0)
        library.loop.unwatch(watch)
        library.loop.change(watch, to: .write)
        // Its place is taken by another one, and the old name does not reach that.
        try library.listen(for: .read)
        library.loop.unwatch(watch)
        #expect(library.loop.watchCount == 1)
        #expect(library.network.violations.isEmpty)
    }

    // one iteration: both are ready ─▶ whichever comes first ends the other ─▶ the other is not told
    @Test func `a watch that another one ends in the same iteration is not told`() throws {
        let library = try Library()
        let (second, far) = library.network.openForeign()
        var told: [Int] = []
        var watches: [LoopWatch] = []
        for (number, descriptor) in [library.descriptor, second].enumerated() {
            watches.append(
                try library.loop.watch(descriptor, for: .read) { _ in
                    told.append(number)
                    library.loop.unwatch(watches[1 - number])
                }
            )
        }
        library.send()
        _ = library.network.send([1], from: far)
        library.loop.turn()
        #expect(told.count == 1)
    }

    @Test func `a library may close its descriptor before it ends the watch`() throws {
        let library = try Library()
        try library.listen(for: .read)
        let watch = try #require(library.watch)
        library.network.closeForeign(library.descriptor)
        library.loop.unwatch(watch)
        library.loop.turn()
        #expect(library.network.violations.isEmpty)
        #expect(library.heard.isEmpty)
    }

    @Test func `there are no more watches than the limit says`() throws {
        let library = try Library { $0.loop.watchesMax = 1 }
        try library.listen(for: .read)
        #expect(throws: KernelError.outOfDescriptors) { try library.listen(for: .read) }
        library.loop.unwatch(try #require(library.watch))
        try library.listen(for: .read)
    }

    @Test func `a loop that stops waits for no watch, tells none, and leaves the descriptor open`() throws {
        let library = try Library()
        try library.listen(for: [.read, .write])
        library.loop.beginStop(within: .seconds(1))
        library.loop.turn()
        #expect(library.loop.isStopped)
        #expect(library.loop.watchCount == 0)
        #expect(throws: KernelError.outOfDescriptors) { try library.listen(for: .read) }
        #expect(library.network.openDescriptors == 1)
        #expect(library.network.violations.isEmpty)
    }
}
