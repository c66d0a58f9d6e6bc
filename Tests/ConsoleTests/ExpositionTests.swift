import Base
import Testing

@testable import Console

@Suite("Exposition") struct ExpositionTests {
    private func text(_ registry: Registry, _ form: Exposition.Form = .prometheus) -> String {
        var out = ByteBuffer()
        Exposition(form).append(registry, to: &out)
        return String(decoding: out.array(), as: UTF8.self)
    }

    @Test func `counters and gauges are announced once per name and told with their labels`() throws {
        let registry = Registry(loops: 1)
        try registry.counter("web_requests_total", help: "Requests.", labels: [MetricLabel("listener", "a")]).add(3)
        try registry.counter("web_requests_total", help: "Requests.", labels: [MetricLabel("listener", "b")]).add(4)
        try registry.gauge("gamekeeper_sessions", help: "Sessions.").set(-2)
        try registry.observe("process_x", help: "X.", ObservedValue { 1.5 })
        try registry.observe("process_y", help: "Y.", ObservedValue { nil })
        #expect(
            text(registry) == """
                # HELP gamekeeper_sessions Sessions.
                # TYPE gamekeeper_sessions gauge
                gamekeeper_sessions -2
                # HELP process_x X.
                # TYPE process_x gauge
                process_x 1.5
                # HELP process_y Y.
                # TYPE process_y gauge
                # HELP gamekeeper_web_requests_total Requests.
                # TYPE gamekeeper_web_requests_total counter
                gamekeeper_web_requests_total{listener="a"} 3
                gamekeeper_web_requests_total{listener="b"} 4

                """
        )
    }

    @Test func `OpenMetrics names the family of a counter and ends with a mark`() throws {
        let registry = Registry(loops: 1)
        try registry.counter("a_total", help: "Say \"a\".").add(3)
        #expect(
            text(registry, .openMetrics) == """
                # HELP gamekeeper_a Say \\"a\\".
                # TYPE gamekeeper_a counter
                gamekeeper_a_total 3
                # EOF

                """
        )
    }

    @Test func `what a label holds is escaped`() throws {
        let registry = Registry(loops: 1)
        _ = try registry.gauge("a", help: "one\\two", labels: [MetricLabel("x", "\\ \" é {} ,")])
        #expect(text(registry).contains("# HELP gamekeeper_a one\\\\two\n"))
        #expect(text(registry).contains("gamekeeper_a{x=\"\\\\ \\\" é {} ,\"} 0\n"))
    }

    @Test func `nanoseconds are shown as seconds, in buckets that only grow`() throws {
        let registry = Registry(loops: 1)
        let histogram = try registry.histogram("lag_nanoseconds", help: "Lag.")
        for value in [500, 3_000, 3_000_000, 20_000_000_000] { histogram.record(value) }
        let text = text(registry)
        #expect(text.contains("# TYPE gamekeeper_lag_seconds histogram\n"))
        #expect(text.contains("gamekeeper_lag_seconds_bucket{le=\"0.000001\"} 1\n"))
        #expect(text.contains("gamekeeper_lag_seconds_bucket{le=\"0.005\"} 3\n"))
        #expect(text.contains("gamekeeper_lag_seconds_bucket{le=\"1.0\"} 3\n"))
        #expect(text.contains("gamekeeper_lag_seconds_bucket{le=\"+Inf\"} 4\n"))
        #expect(text.contains("gamekeeper_lag_seconds_sum 20.0030035\n"))
        #expect(text.contains("gamekeeper_lag_seconds_count 4\n"))
        let counts = text.split(separator: "\n").filter { $0.contains("_bucket") }
            .compactMap { $0.split(separator: " ").last.flatMap { Int($0) } }
        #expect(counts == counts.sorted() && counts.count == TimingFamily.bounds.count + 1)
    }

    @Test func `calls are told by method and code, and what never happened is left out of a large family`() throws {
        let registry = Registry(loops: 1)
        let calls = try CallMetrics(methods: (0..<20).map { "call.\($0)" }, registry)
        calls.record(method: 3, code: nil, nanoseconds: 2_000, loop: 0)
        calls.record(method: 3, code: .rateLimited, nanoseconds: 300, loop: 0)
        let text = text(registry)
        #expect(text.contains("gamekeeper_calls_total{method=\"call.3\",code=\"OK\"} 1\n"))
        #expect(text.contains("gamekeeper_calls_total{method=\"call.3\",code=\"RATE_LIMITED\"} 1\n"))
        #expect(!text.contains("call.4"))
        #expect(text.contains("gamekeeper_call_duration_seconds_bucket{method=\"call.3\",le=\"0.000002\"} 2\n"))
        #expect(text.contains("gamekeeper_call_duration_seconds_sum{method=\"call.3\"} 0.0000023\n"))
    }

    @Test(
        arguments: [
            (nil, false), ("*/*", false), ("application/openmetrics-text", true), ("text/plain", false),
            ("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1", true),
            ("text/plain;version=0.0.4;q=1,application/openmetrics-text;q=0.2", false),
            ("application/openmetrics-text; q=0", false), ("application/openmetrics-text;q=x", false),
        ] as [(String?, Bool)]
    )
    func `a scraper gets the form that it likes best`(accept: String?, isOpen: Bool) {
        #expect((Exposition.Form(accept: accept) == .openMetrics) == isOpen)
    }

    @Test(arguments: [
        (1.0, "1"), (0.25, "0.25"), (.infinity, "+Inf"), (-.infinity, "-Inf"), (.nan, "NaN"), (1e300, "1e+300"),
    ])
    func `a number is written as both formats read it`(number: Double, text: String) {
        #expect(Exposition.text(of: number) == text)
    }
}
