/// What the load generator says at its end: one line of flat JSON, numbers only.
struct GeneratorReport: Equatable, Sendable {
    private let figures: [String: Double]

    /// Reads the line; nil when it is not of that form.
    ///
    /// The generator is ours, so this is no reader for other people's JSON: that one lives in Wire.
    init?(line: String) {
        guard line.hasPrefix("{"), line.hasSuffix("}") else { return nil }
        var figures: [String: Double] = [:]
        for member in line.dropFirst().dropLast().split(separator: ",") {
            let parts = member.split(separator: ":")
            guard parts.count == 2, let value = Double(String(parts[1].filter { $0 != " " })) else { return nil }
            figures[String(parts[0].filter { $0 != " " && $0 != "\"" })] = value
        }
        self.figures = figures
    }

    subscript(_ name: String) -> Double { figures[name] ?? 0 }

    var operations: Double { self["operations"] }
    var errors: Double { self["errors"] }

    /// The server's processor time per operation, in microseconds; nil when nothing was done or sampled.
    var processorMicroseconds: Double? {
        guard operations > 0, self["sampled_cpu_ns"] > 0 else { return nil }
        return self["sampled_cpu_ns"] / operations / 1000
    }

    /// What one exchange weighs on the wire.
    var sizes: ExchangeSizes {
        ExchangeSizes(
            request: Int(self["request_bytes"]),
            reply: Int(self["reply_bytes"]),
            handshake: Int(self["handshake_bytes"]),
            handshakeReply: Int(self["handshake_reply_bytes"])
        )
    }
}

/// How many bytes go in and out per operation: all that the limit program needs to know of a protocol.
struct ExchangeSizes: Equatable, Sendable {
    var request: Int
    var reply: Int
    var handshake: Int
    var handshakeReply: Int
}
