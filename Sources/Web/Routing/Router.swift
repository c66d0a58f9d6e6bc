/// Chooses a handler by method and path.
///
/// ```
/// var router = Router<Handler>()
/// router.add(.post, "/v1/rpc/{method}", call)
/// router.add(.get, "/files/{path...}", file)
/// ```
/// A fixed segment beats a parameter, and a parameter beats a tail. HEAD is served by GET unless it has a route of its
/// own. A segment is decoded once: `%2F` stays inside a parameter, and is refused in a tail. Dot segments, malformed
/// escapes and what is not UTF-8 are refused. A trailing slash is a segment of its own, so `/a` and `/a/` differ.
public struct Router<Handler> {
    private var table = RouteTable()
    private var handlers: [Handler] = []

    /// A router without routes.
    public init() {}

    /// Adds a route; no method means all of them.
    ///
    /// A pattern that is malformed or there already is a bug of the program, which stops it at its start.
    public mutating func add(_ method: HTTPMethod?, _ pattern: String, _ handler: Handler) {
        table.add(method, pattern, handler: handlers.count)
        handlers.append(handler)
    }

    /// Finds the route of a path that has not been decoded, such as `HTTPHead.path`.
    public func match(_ method: HTTPMethod, _ path: RawSpan) -> RouteResult { table.match(method, path) }

    /// The handler of a match of this router.
    public func handler(of match: RouteMatch) -> Handler { handlers[match.handler] }
}

extension Router: Sendable where Handler: Sendable {}
