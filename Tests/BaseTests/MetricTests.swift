import Synchronization
import Testing

@testable import Base

@Suite("Metrics") struct MetricTests {
    // loop 0 adds ─┐ each in its own lane
    // loop 1 adds ─┤
    // thread adds ─┴─ all in the shared lane            reader sums afterwards
    @Test func `no count is lost when loops and threads count at once`() async {
        let counter = Counter(loops: 4)
        let gauge = Gauge(loops: 4)
        await withTaskGroup(of: Void.self) { group in
            for loop in 0..<4 {
                group.addTask {
                    for _ in 0..<10_000 { counter.add(loop: loop) }
                    gauge.add(loop, loop: loop)
                }
            }
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<10_000 { counter.add(2) }
                    gauge.add(-1)
                }
            }
        }
        #expect(counter.value == 4 * 10_000 + 4 * 20_000)
        #expect(gauge.value == 0 + 1 + 2 + 3 - 4)
        gauge.set(100, loop: 3)
        #expect(gauge.value == 99)
        gauge.set(0)
        #expect(gauge.value == 103)
    }

    @Test func `lanes lie on cache lines of their own`() {
        let cells = LoopCells(loops: 3, words: 1)
        #expect(cells.stride * MemoryLayout<Atomic<Int>>.stride == 64)
        #expect(UInt(bitPattern: cells.cells) % 64 == 0)
    }

    @Test func `counting for a loop that does not exist is our bug`() async {
        await #expect(processExitsWith: .failure) { Counter(loops: 2).add(loop: 2) }
    }

    @Test func `counting for a negative loop is our bug`() async {
        await #expect(processExitsWith: .failure) { Counter(loops: 2).add(loop: -2) }
    }

    @Test func `every value counts in the bucket that holds it`() {
        var values = Array(0...5_000)
        for shift in 12..<63 { values += [1 << shift - 1, 1 << shift, 1 << shift + 1] }
        for value in values {
            let bucket = Histogram.bucket(of: value)
            #expect(Histogram.values(of: bucket).contains(value), "\(value)")
        }
        for bucket in 1..<Histogram.bucketCount {
            #expect(Histogram.values(of: bucket).lowerBound == Histogram.values(of: bucket - 1).upperBound + 1)
        }
    }

    @Test(arguments: 0..<10 as Range<UInt64>)
    func `a quantile is never too small and at most a sixteenth too large`(seed: UInt64) {
        var entropy = SeededEntropy(seed: seed)
        let histogram = Histogram(loops: 2)
        let values = (0..<1_000).map { _ in Int((entropy.next() >> entropy.uniform(below: 43)) >> 21) }
        for (index, value) in values.enumerated() {
            if index % 3 == 2 { histogram.record(value) } else { histogram.record(value, loop: index % 3) }
        }
        let snapshot = histogram.snapshot()
        let sorted = values.sorted()
        #expect(snapshot.count == 1_000)
        #expect(snapshot.sum == values.reduce(0, +))
        #expect(snapshot.maximum == sorted.last)
        for share in [0, 0.001, 0.5, 0.9, 0.99, 0.999, 1] {
            let exact = sorted[max(0, Int((share * 1_000).rounded(.up)) - 1)]
            guard let told = snapshot.quantile(share) else { return #expect(Bool(false)) }
            #expect(told >= exact && told <= exact + exact / 16)
        }
    }

    @Test func `a histogram of nothing has no quantile, and takes absurd values`() {
        let histogram = Histogram(loops: 1)
        #expect(histogram.snapshot().quantile(0.5) == nil)
        histogram.record(-5, loop: 0)
        histogram.record(.max, loop: 0)
        #expect(histogram.snapshot().quantile(0) == 0)
        #expect(histogram.snapshot().quantile(1) == .max)
    }

    @Test func `the same name and labels give the same metric`() throws {
        let registry = Registry(loops: 2)
        let counter = try registry.counter("web_requests_total", help: "Requests answered.")
        counter.add()
        #expect(try registry.counter("web_requests_total", help: "").value == 1)
        let label = try MetricLabel("listener", "public")
        #expect(try registry.counter("web_requests_total", help: "", labels: [label]).value == 0)
        _ = try registry.gauge("connections", help: "Connections now.")
        _ = try registry.histogram("request_nanoseconds", help: "From first to last byte.")
        #expect(
            registry.all.map(\.name.text) == [
                "connections", "request_nanoseconds", "web_requests_total", "web_requests_total",
            ]
        )
    }

    @Test func `what does not fit is refused with its reason`() throws {
        var limits = Limits.Telemetry()
        limits.metricsMax = 1
        limits.labelsMax = 1
        let registry = Registry(loops: 0, limits: limits)
        let labels = [try MetricLabel("a", "1"), try MetricLabel("b", "1")]
        #expect(throws: MetricRefusal.tooManyLabels("x")) { try registry.gauge("x", help: "", labels: labels) }
        _ = try registry.counter("one_total", help: "")
        #expect(throws: MetricRefusal.registeredAsAnotherKind("one_total")) {
            try registry.gauge("one_total", help: "")
        }
        #expect(throws: MetricRefusal.registryFull(1)) { try registry.gauge("two", help: "") }
        let twice = Registry(loops: 0)
        #expect(throws: MetricRefusal.labelTwice("x")) {
            try twice.gauge("x", help: "", labels: [MetricLabel("a", "1"), MetricLabel("a", "2")])
        }
    }

    @Test(arguments: ["", "A", "1a", "_a", "a-b", "a b", "é", String(repeating: "a", count: 101)])
    func `a name that an exporter could not write is refused`(text: String) {
        #expect(throws: MetricRefusal.badName(text)) { try MetricName(text) }
    }

    @Test(arguments: ["", "a\nb", String(repeating: "a", count: 129)])
    func `a label value that an exporter could not write is refused`(text: String) {
        #expect(throws: MetricRefusal.badLabelValue(text)) { try MetricLabel("a", text) }
    }

    @Test func `a bad name in the code is our bug`() async {
        await #expect(processExitsWith: .failure) { _ = "Bad Name" as MetricName }
    }
}
