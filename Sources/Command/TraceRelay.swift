import Base
import Crypto
import Gamekeeper
import Reactor
import Web
import Wire

/// What the W3C's trace-context suite talks to: it is told whom to call, and calls them within the trace that it is in.
///
/// A part of `gamekeeper conformance` alone, for whoever reaches it can make it call anybody.
enum TraceRelay {
    private static let callsMax = 16

    static func add(to routes: inout Routes, on loops: EventLoopGroup, _ telemetry: Telemetry) {
        // Without trusted roots there is no client, and then no relay.
        guard let client = try? WebClient(on: loops) else { return }
        routes.add(.post, "/trace-context", .async { await relay($0, client, telemetry.tracer) })
    }

    private static func relay(_ exchange: Exchange, _ client: WebClient, _ tracer: Tracer) async {
        let clock = SystemClock()
        let origin = exchange.traceOrigin
        var entropy = SecureEntropy()
        var span = tracer.begin("conformance.relay", caller: origin.caller, at: clock.now(), entropy: &entropy)
        span.kind = .server
        span.state = origin.state
        let calls = orders(in: await exchange.wholeBody() ?? [])
        span.note("calls", .integer(calls.count))
        for (url, body) in calls {
            var part = tracer.begin("conformance.call", under: span.context, at: clock.now(), entropy: &entropy)
            part.kind = .client
            part.state = origin.state
            part.note("url", .text(url.authority))
            var request = ClientRequest(.post, url, fields: [HTTPField("Content-Type", "application/json")])
            request.body = .bytes(body)
            request.setTrace(part.context, state: part.state)
            let answer = try? await client.send(request)
            part.note("status", .integer(answer?.status.rawValue ?? 0))
            tracer.end(part, at: clock.now(), error: answer == nil ? .unavailable : nil)
        }
        tracer.end(span, at: clock.now())
        exchange.respond(.ok, type: .json, "{}")
    }

    /// Whom to call, and with what: `[{"url": "…", "arguments": […]}]`.
    private static func orders(in bytes: [UInt8]) -> [(url: WebURL, body: [UInt8])] {
        guard let value = try? unsafe Value(bytes.span.bytes, as: .json), case .array(let orders) = value else {
            return []
        }
        return orders.prefix(callsMax).compactMap { order in
            guard case .object(let order) = order, case .string(let text)? = order["url"], let url = try? WebURL(text),
                let arguments = order["arguments"]
            else { return nil }
            var out = ByteBuffer()
            guard (try? arguments.write(.json, to: &out)) != nil else { return nil }
            return (url, out.array())
        }
    }
}
