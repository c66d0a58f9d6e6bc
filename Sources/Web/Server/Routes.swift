/// What answers a request.
public enum Handler: Sendable {
    /// Answers at once, or keeps the exchange and answers later. It runs on the exchange's loop and must not block.
    case direct(@Sendable (Exchange) -> Void)
    /// Answers in its own time, on the exchange's loop. An error that it throws is answered by 500.
    case async(@Sendable (Exchange) async throws -> Void)
}

/// Which handler answers what, and how much it takes.
public struct Routes: Sendable {
    struct Route: Sendable {
        let handler: Handler
        let bodyBytesMax: Int?
    }

    var router = Router<Route>()
    var fallback: Route?

    /// No routes.
    public init() {}

    /// Adds a route.
    ///
    /// - Parameters:
    ///   - method: the method; `nil` takes all of them.
    ///   - pattern: a path such as `/v1/rooms/{id}` or `/files/{path...}`.
    ///   - bodyBytesMax: the longest body; without one, the server's limit counts.
    ///   - handler: what answers.
    public mutating func add(_ method: HTTPMethod?, _ pattern: String, bodyBytesMax: Int? = nil, _ handler: Handler) {
        router.add(method, pattern, Route(handler: handler, bodyBytesMax: bodyBytesMax))
    }

    /// Answers GET and HEAD at once.
    public mutating func get(_ pattern: String, _ handler: @escaping @Sendable (Exchange) -> Void) {
        add(.get, pattern, .direct(handler))
    }

    /// Answers POST at once.
    public mutating func post(_ pattern: String, _ handler: @escaping @Sendable (Exchange) -> Void) {
        add(.post, pattern, .direct(handler))
    }

    /// Answers everything that has no route, instead of 404.
    public mutating func otherwise(bodyBytesMax: Int? = nil, _ handler: Handler) {
        fallback = Route(handler: handler, bodyBytesMax: bodyBytesMax)
    }
}
