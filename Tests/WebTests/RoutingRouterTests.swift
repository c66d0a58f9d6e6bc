import Base
import Testing

@testable import Web

/// What a router found: the handler's name and the decoded parameters.
private func route(_ method: HTTPMethod, _ path: String) -> String {
    var router = Router<String>()
    router.add(.get, "/", "root")
    router.add(.get, "/health", "health")
    router.add(.post, "/v1/rpc/{method}", "call")
    router.add(.get, "/v1/rpc/list", "list")
    router.add(.get, "/v1/{a}/{b}", "two")
    router.add(.get, "/files/{path...}", "file")
    router.add(.put, "/files/fixed", "fixed")
    router.add(.head, "/health", "health-head")
    router.add(nil, "/any/{x}", "any")
    router.add(.get, "/a/b/c", "abc")
    router.add(.get, "/a/{x}/d", "axd")
    return lend(path) { span in
        switch router.match(method, span) {
        case .found(let match):
            let found = (0..<match.parameterCount).map { match.text($0, in: span) ?? "?" }
            return ([router.handler(of: match)] + found).joined(separator: " ")
        case .methodNotAllowed(let allowed): return "405 " + allowed.fieldValue
        case .notFound: return "404"
        case .malformedPath: return "400"
        }
    }
}

@Suite("Router") struct RoutingRouterTests {
    @Test(arguments: [
        ("/", "root"), ("/health", "health"), ("/health/", "404"), ("/heal", "404"), ("//", "404"),
        ("/v1/rpc/list", "list"), ("/v1/rpc/other", "two rpc other"), ("/v1/x/y", "two x y"), ("/v1/x/", "404"),
        ("/v1//y", "404"), ("/files/", "file "), ("/files", "404"), ("/files/a/b.css", "file a/b.css"),
        ("/files/fixed", "file fixed"), ("/a/b/d", "axd b"), ("/a/b/c", "abc"), ("/any/1", "any 1"), ("*", "404"),
    ]) func `the most fixed route is found`(path: String, found: String) { #expect(route(.get, path) == found) }

    @Test func `a method is served by its own route, HEAD also by GET`() {
        #expect(route(.head, "/health") == "health-head")
        #expect(route(.head, "/files/x") == "file x")
        #expect(route(.post, "/v1/rpc/player.attack") == "call player.attack")
        #expect(route(.put, "/files/fixed") == "fixed")
        #expect(route(.other, "/any/1") == "any 1")
    }

    @Test func `a path without the method says which are allowed`() {
        #expect(route(.delete, "/health") == "405 GET, HEAD")
        #expect(route(.delete, "/v1/rpc/list") == "405 GET, HEAD, POST")
        #expect(route(.other, "/files/fixed") == "405 GET, HEAD, PUT")
    }

    @Test(arguments: [
        ("/v1/rpc/a%2Fb", "two rpc a/b"), ("/he%61lth", "health"), ("/any/%E2%82%AC", "any €"),
        ("/any/a+b", "any a+b"), ("/any/%2541", "any %41"), ("/files/a%20b/c", "file a b/c"),
        ("/any/a%25", "any a%"), ("/v1/rpc%2Flist", "404"), ("/any/...", "any ..."), ("/any/.a", "any .a"),
    ]) func `a segment is decoded once`(path: String, found: String) { #expect(route(.get, path) == found) }

    @Test(arguments: [
        "/any/%", "/any/%4", "/any/%4g", "/any/%zz", "/any/%00", "/any/%FF", "/any/%C0%AF", "/any/..", "/any/.",
        "/../health", "/health/..", "/files/../x", "/files/%2e%2E/x", "/files/%2e", "/files/a/.%2e/b",
        "/files/..%2F..%2Fetc", "/files/a%2fb",
    ]) func `a path that could mean another one is refused`(path: String) { #expect(route(.get, path) == "400") }

    @Test func `a wrong pattern is our bug`() async {
        await #expect(processExitsWith: .failure) {
            var router = Router<Int>()
            router.add(.get, "a", 1)
        }
        await #expect(processExitsWith: .failure) {
            var router = Router<Int>()
            router.add(.get, "/a/{x}", 1)
            router.add(.get, "/a/{y}", 2)
        }
        await #expect(processExitsWith: .failure) {
            var router = Router<Int>()
            router.add(.get, "/{x...}/a", 1)
        }
        await #expect(processExitsWith: .failure) {
            var router = Router<Int>()
            router.add(.get, "/a{x}", 1)
        }
    }
}

@Suite("Addresses") struct RoutingAddressTests {
    @Test(arguments: [
        ("http://example.com", "example.com", 80, "/", "example.com"),
        ("HTTPS://a.b:8443/x?y=z#frag", "a.b", 8443, "/x?y=z", "a.b:8443"),
        ("ws://[::1]:9/v1", "::1", 9, "/v1", "[::1]:9"), ("wss://h?q", "h", 443, "/?q", "h"),
        ("http://h:80/", "h", 80, "/", "h"), ("http://h:/", "h", 80, "/", "h"),
    ]) func `a URL is taken apart`(text: String, host: String, port: Int, target: String, authority: String) throws {
        let url = try WebURL(text)
        #expect(url.host == host)
        #expect(Int(url.port) == port)
        #expect(url.target == target)
        #expect(url.authority == authority)
        #expect(url.isSecure == (text.lowercased().hasPrefix("https") || text.hasPrefix("wss")))
    }

    @Test(arguments: [
        ("ftp://a", WebURLRefusal.unsupportedScheme), ("http:/a", .unsupportedScheme), ("a", .unsupportedScheme),
        ("", .unsupportedScheme), ("http://", .malformedHost), ("http:///x", .malformedHost),
        ("http://a b/", .malformedHost), ("http://[::1", .malformedHost), ("http://[::1]x/", .malformedHost),
        ("http://u:p@a/", .credentials), ("http://a:0/", .malformedPort), ("http://a:65536/", .malformedPort),
        ("http://a:x/", .malformedPort), ("http://a/b c", .malformedTarget), ("http://a/\r\nX: y", .malformedTarget),
        ("http://a/é", .malformedTarget),
    ]) func `a text that is not an address is refused`(text: String, refusal: WebURLRefusal) {
        #expect(throws: refusal) { try WebURL(text) }
    }

    @Test func `a query is read pair by pair`() {
        lend("a=1&b=%C3%A9+x&&c&a=2&d==&%61b=3&bad=%zz") { query in
            #expect(QueryIterator.value(of: "a", in: query) == "1")
            #expect(QueryIterator.value(of: "b", in: query) == "é x")
            #expect(QueryIterator.value(of: "c", in: query) == "")
            #expect(QueryIterator.value(of: "d", in: query) == "=")
            #expect(QueryIterator.value(of: "ab", in: query) == "3")
            #expect(QueryIterator.value(of: "bad", in: query) == nil)
            #expect(QueryIterator.value(of: "x", in: query) == nil)
        }
        lend("a=%2B") { #expect(QueryIterator.value(of: "a", in: $0) == "+") }
    }

    private func client(_ fields: String) -> String? {
        var head = HTTPHead()
        var progress = HTTPHeadProgress()
        return lend("GET / HTTP/1.1\r\nHost: a\r\n\(fields)\r\n\r\n") { span in
            guard case .head = head.parseRequest(span, progress: &progress) else { return "refused" }
            let found = ForwardedFor.client(head, span) { $0.text()?.hasPrefix("10.") == true }
            return found.flatMap { span.slice($0).text() }
        }
    }

    @Test(arguments: [
        ("X-Forwarded-For: 192.0.2.1", "192.0.2.1"), ("X-Forwarded-For: 6.6.6.6, 192.0.2.1, 10.0.0.1", "192.0.2.1"),
        ("X-Forwarded-For: 6.6.6.6, 192.0.2.1\r\nX-Forwarded-For: 10.0.0.2", "192.0.2.1"),
        ("X-Forwarded-For: 10.0.0.1, 10.0.0.2", "10.0.0.1"), ("X-Forwarded-For: 192.0.2.1:5555", "192.0.2.1"),
        ("X-Forwarded-For: 2001:db8::1, 10.0.0.1", "2001:db8::1"), ("X-Forwarded-For: [2001:db8::1]:80", "2001:db8::1"),
        ("Forwarded: for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60"),
        ("Forwarded: For=\"[2001:db8:cafe::17]:4711\", for=10.1.1.1", "2001:db8:cafe::17"),
        ("Forwarded: proto=https; for=\"192.0.2.43:1\"", "192.0.2.43"),
        ("Forwarded: for=1.2.3.4\r\nX-Forwarded-For: 6.6.6.6", "1.2.3.4"),
    ]) func `the client is the rightmost address that is not a proxy of ours`(fields: String, address: String) {
        #expect(client(fields) == address)
    }

    @Test(arguments: [
        "X: y", "X-Forwarded-For:", "X-Forwarded-For: unknown", "X-Forwarded-For: 1.2.3.4, x",
        "X-Forwarded-For: 1.2.3.4,", "Forwarded: for=_hidden", "Forwarded: for=\"unknown\"", "Forwarded: proto=http",
        "Forwarded: for", "X-Forwarded-For: [::1", "X-Forwarded-For: 80", "X-Forwarded-For: <script>",
    ]) func `a list that hides or garbles the address names nobody`(fields: String) { #expect(client(fields) == nil) }
}

@Suite("Negotiation") struct RoutingNegotiationTests {
    @Test func `a file's ending names its type`() {
        #expect(MediaType.of(fileName: "a/index.HTML").text.description == "text/html; charset=utf-8")
        #expect(MediaType.of(fileName: "game.wasm").text.description == "application/wasm")
        #expect(MediaType.of(fileName: "x.unknown").text.description == "application/octet-stream")
        #expect(MediaType.of(fileName: "html").text.description == "application/octet-stream")
    }

    @Test(arguments: [
        ("\"a\"", "\"a\"", true, true), ("W/\"a\"", "\"a\"", true, false), ("\"a\"", "W/\"a\"", true, false),
        ("W/\"a\"", "W/\"a\"", true, false), ("\"b\"", "\"a\"", false, false), ("*", "\"a\"", true, true),
        ("\"b\", W/\"x,y\" ,\"a\"", "\"a\"", true, true), ("\"x,y\"", "\"x,y\"", true, true),
        ("a", "\"a\"", false, false),
        ("\"a", "\"a\"", false, false), ("", "\"a\"", false, false), ("W/a, \"a\"", "\"a\"", false, false),
    ]) func `tags are compared weakly or strongly`(field: String, tag: String, weak: Bool, strong: Bool) {
        #expect(lend(field) { EntityTag.list($0, names: tag) } == weak)
        #expect(lend(field) { EntityTag.list($0, names: tag, isWeak: false) } == strong)
    }

    @Test(arguments: [
        ("gzip", 1_000), ("gzip;q=0.5", 500), ("GZIP ; q=0.125", 125), ("br, gzip;q=1.000", 1_000), ("br", 0),
        ("*;q=0.3", 300), ("gzip;q=0, *", 0), ("", 0), ("gzip;q=2", 0), ("gzip;q=0.5.5", 0), ("gzip;q=1.001", 0),
        ("gzip;x=1", 0), ("gzipx", 0),
    ]) func `a coding has the quality that the client gives it`(field: String, quality: Int) {
        #expect(lend(field) { AcceptEncoding.quality(of: "gzip", in: $0) } == quality)
    }

    @Test func `no coding at all is acceptable unless it is excluded`() {
        #expect(lend("gzip") { AcceptEncoding.quality(of: "identity", in: $0) } == 1_000)
        #expect(lend("identity;q=0") { AcceptEncoding.quality(of: "identity", in: $0) } == 0)
        #expect(lend("*;q=0") { AcceptEncoding.quality(of: "identity", in: $0) } == 0)
    }
}
