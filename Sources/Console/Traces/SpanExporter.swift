public import Base
public import Reactor
public import Web

/// Sends spans to a collector over OTLP/HTTP, from a loop that no player waits for.
///
/// Confined to its loop: the plan, the batch and the entropy are touched by its jobs alone.
public actor SpanExporter {
    /// Whom to send to, and as whom.
    public struct Options: Sendable {
        /// The collector's URL; without a path `/v1/traces` is meant.
        public var endpoint: WebURL
        /// Further fields of every request, such as a collector's key.
        public var fields: [HTTPField]
        /// Describes this process.
        public var message: OTLPMessage

        /// Sends to this URL.
        public init(endpoint: WebURL, fields: [HTTPField] = [], message: OTLPMessage) {
            self.endpoint = endpoint
            self.fields = fields
            self.message = message
        }

        /// The URL of a collector as operators give it: `http://host:4318` means its `/v1/traces`.
        ///
        /// - Throws: what is wrong with the URL.
        public static func endpoint(_ text: String) throws(WebURLRefusal) -> WebURL {
            let url = try WebURL(text)
            guard !url.isWebSocket else { throw .unsupportedScheme }
            guard url.target == "/" else { return url }
            return try WebURL("\(url.scheme.rawValue)://\(url.authority)/v1/traces")
        }
    }

    private nonisolated let loop: EventLoop
    private let client: WebClient
    private let queue: SpanQueue
    private let options: Options
    private let limits: Limits.Operations
    private let log: Log
    private var plan: ExportPlan
    private var entropy: SeededEntropy
    private var batch: [UInt8] = []
    private var batchCount = 0

    /// The loop, as Swift sees it.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }

    /// Makes an exporter on a loop.
    ///
    /// - Parameters:
    ///   - queue: where the spans come from.
    ///   - client: what requests are sent with.
    ///   - loop: where it lives: the operators' loop.
    ///   - options: whom to send to.
    ///   - limits: how much and how often.
    ///   - telemetry: where failures are logged.
    ///   - seed: what the jitter is made from.
    public init(
        _ queue: SpanQueue,
        _ client: WebClient,
        on loop: EventLoop,
        _ options: Options,
        limits: Limits.Operations,
        telemetry: Telemetry,
        seed: UInt64
    ) {
        self.queue = queue
        self.client = client
        self.loop = loop
        self.options = options
        self.limits = limits
        log = telemetry.log.room("console")
        plan = ExportPlan(at: loop.kernel.now(), limits: limits)
        entropy = SeededEntropy(seed: seed)
    }

    /// Sends what is due. Called on every beat of the operators' loop; a call while a batch is under way does nothing.
    public func beat() async {
        switch plan.step(at: loop.kernel.now(), waiting: queue.count) {
        case .wait: return
        case .sendNext: takeBatch()
        case .sendAgain: break
        }
        await send()
    }

    /// Sends what is left, once: before the process ends.
    public func flush() async {
        while queue.count > 0 {
            takeBatch()
            guard await outcome() == .taken else { break }
            queue.exported.add(batchCount)
        }
        queue.dropped.add(queue.take(.max).count)
    }

    private func takeBatch() {
        let spans = queue.take(limits.spansPerExportMax)
        var out = ByteBuffer(capacity: spans.count * 256)
        options.message.append(spans, to: &out)
        batch = out.array()
        batchCount = spans.count
    }

    private func send() async {
        let outcome = await outcome()
        let isGivenUp = plan.ended(outcome, at: loop.kernel.now(), entropy: &entropy)
        if outcome == .taken { queue.exported.add(batchCount) }
        if isGivenUp { queue.dropped.add(batchCount) }
        if outcome == .taken || isGivenUp { batch = [] }
    }

    private func outcome() async -> ExportPlan.Outcome {
        var fields = options.fields
        fields.append(HTTPField("Content-Type", "application/x-protobuf"))
        let request = ClientRequest(
            .post,
            options.endpoint,
            fields: fields,
            body: .bytes(batch),
            timeout: limits.exportTimeout
        )
        do throws(WebClientError) {
            let answer = try await client.send(request, bodyBytesMax: limits.adminBodyBytesMax)
            let outcome = Self.outcome(of: answer.status, retryAfter: answer.value(of: "retry-after"))
            if outcome != .taken {
                log.warning("a collector refuses spans", ["status": .integer(answer.status.rawValue)])
            }
            return outcome
        } catch {
            log.warning("a collector can't be reached", ["reason": .text("\(error)")])
            return .failed(retryAfter: nil)
        }
    }

    /// What the status of an answer means, as the protocol says: four of them may be tried again.
    static func outcome(of status: HTTPStatus, retryAfter: String?) -> ExportPlan.Outcome {
        switch status.rawValue {
        case 200..<300: .taken
        case 429, 502, 503, 504: .failed(retryAfter: retryAfter.flatMap { Int64($0) }.map { .seconds(max(0, $0)) })
        default: .refused
        }
    }
}
