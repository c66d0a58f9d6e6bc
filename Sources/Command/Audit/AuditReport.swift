import Base
import Wire

/// What an audit found, and what it did.
struct AuditReport: Sendable, Equatable {
    let game: String
    /// Each distinct thing once; how often it was seen beside it.
    private(set) var findings: [(finding: Finding, count: Int)] = []
    private(set) var sent = 0
    private(set) var notReached: [String: Int] = [:]
    var omissions: [String] = []
    /// How long a polite client waited, 99 times of 100, in milliseconds.
    var politeBefore = 0.0
    var politeDuring = 0.0
    /// Findings beyond this many are counted and not listed: the first ones say what is wrong.
    static let findingsMax = 200
    private(set) var unlisted = 0

    init(game: String) { self.game = game }

    mutating func countSent(_ count: Int = 1) { sent += count }

    mutating func countNotReached(_ method: String) { notReached[method, default: 0] += 1 }

    mutating func add(_ finding: Finding) {
        if let place = findings.firstIndex(where: { Self.areAlike($0.finding, finding) }) {
            findings[place].count += 1
        } else if findings.count < Self.findingsMax {
            findings.append((finding, 1))
        } else {
            unlisted += 1
        }
    }

    /// The same hole seen in another format is one hole.
    private static func areAlike(_ one: Finding, _ other: Finding) -> Bool {
        one.kind == other.kind && one.method == other.method && one.attack == other.attack
    }

    var isClean: Bool { findings.isEmpty }

    static func == (left: Self, right: Self) -> Bool {
        left.sent == right.sent && left.findings.map(\.finding) == right.findings.map(\.finding)
    }

    // MARK: As text

    /// What a person reads.
    var text: String {
        var lines = ["\(game): \(sent) calls sent, \(findings.count + unlisted) findings"]
        for (finding, count) in findings {
            let method = finding.method.isEmpty ? "" : "\(finding.method), "
            let times = count > 1 ? " (\(count) times)" : ""
            lines.append(
                "  \(finding.kind.rawValue): \(method)\(finding.attack) [\(finding.way)] \(finding.outcome)\(times)"
            )
        }
        if unlisted > 0 { lines.append("  and \(unlisted) more") }
        for (method, count) in notReached.sorted(by: { $0.key < $1.key }) {
            lines.append("  not reached: \(method), \(count) calls (not permitted, not possible now, or too often)")
        }
        for omission in omissions { lines.append("  left out: \(omission)") }
        lines.append(
            "  a polite client waited \(Self.milliseconds(politeBefore)) before and \(Self.milliseconds(politeDuring)) during the attack (p99)"
        )
        return lines.joined(separator: "\n") + "\n"
    }

    private static func milliseconds(_ value: Double) -> String { "\((value * 100).rounded() / 100) ms" }

    /// What a program reads.
    var json: String {
        let list = findings.map { finding, count in
            Value.object([
                "kind": .string(finding.kind.rawValue), "method": .string(finding.method), "way": .string(finding.way),
                "attack": .string(finding.attack), "outcome": .string(finding.outcome), "count": .int(Int64(count)),
            ])
        }
        let shut = notReached.sorted { $0.key < $1.key }.map { method, count in
            Value.object(["method": .string(method), "count": .int(Int64(count))])
        }
        let report = Value.object([
            "game": .string(game), "sent": .int(Int64(sent)), "findings": .array(list),
            "unlisted": .int(Int64(unlisted)),
            "not_reached": .array(shut), "left_out": .array(omissions.map { .string($0) }),
            "polite_p99_ms": .object(["before": .double(politeBefore), "during": .double(politeDuring)]),
        ])
        var output = ByteBuffer()
        // Nothing in it is NaN or a lone surrogate.
        try? report.write(.json, to: &output)
        return String(decoding: output.array(), as: UTF8.self) + "\n"
    }
}
