public import Base
import Reactor

/// What is known of the process itself, under the names that all exporters share, and what only we know of it.
public enum ProcessMetrics {
    /// Registers the metrics of the process and of its loops.
    ///
    /// - Throws: when the registry is full.
    public static func register(
        in registry: Registry,
        watch: LoopWatch,
        version: String
    ) throws(MetricRefusal) {
        try registry.observe(
            "process_cpu_seconds_total",
            help: "Processor time of all threads.",
            ObservedValue(onlyGrows: true) { ProcessVitals.processorTime.map { Double($0.nanoseconds) / 1e9 } }
        )
        try registry.observe(
            "process_resident_memory_bytes",
            help: "Memory that is in use.",
            ObservedValue { ProcessVitals.memory.map { Double($0.resident) } }
        )
        try registry.observe(
            "process_virtual_memory_bytes",
            help: "Address space that is in use.",
            ObservedValue { ProcessVitals.memory.map { Double($0.virtual) } }
        )
        try registry.observe(
            "process_open_fds",
            help: "Descriptors that are open.",
            ObservedValue { ProcessVitals.openDescriptors.map { Double($0) } }
        )
        try registry.observe(
            "process_max_fds",
            help: "Descriptors that may be open.",
            ObservedValue { ProcessVitals.descriptorsMax.map { Double($0) } }
        )
        let started = ProcessVitals.startTime.map { Double($0.nanoseconds) / 1e9 }
        try registry.observe(
            "process_start_time_seconds",
            help: "When the process was started, since 1970.",
            ObservedValue { started }
        )
        try registry.observe(
            "gamekeeper_build_info",
            help: "Always 1; the labels say what runs.",
            labels: [try MetricLabel("version", version)],
            ObservedValue { 1 }
        )
        try registerLoops(in: registry, watch)
    }

    private static func registerLoops(in registry: Registry, _ watch: LoopWatch) throws(MetricRefusal) {
        for index in 0..<watch.loopCount {
            let labels = [try MetricLabel("loop", String(index))]
            try registry.observe(
                "gamekeeper_connections",
                help: "Connections of each loop, as of its last beat.",
                labels: labels,
                ObservedValue { Double(watch.connections(of: index)) }
            )
            try registry.observe(
                "gamekeeper_loop_letters_waiting",
                help: "Letters, tasks and notices that wait for a loop.",
                labels: labels,
                ObservedValue { Double(watch.lettersWaiting(of: index)) }
            )
            try registry.observe(
                "gamekeeper_loop_silence_seconds",
                help: "How long ago a loop last answered.",
                labels: labels,
                ObservedValue { watch.silence(of: index).map { Double($0.nanoseconds) / 1e9 } }
            )
        }
    }
}
