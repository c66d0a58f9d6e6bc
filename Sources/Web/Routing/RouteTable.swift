import Base

// Routes are a tree of segments, kept in arrays and walked by index: no dictionary, no text and no allocation per
// request. Every node has one path from the root, so a search that turns back still visits each at most once.

/// What a router found for a path. Parameters are offsets into the path's bytes.
public struct RouteMatch: Equatable, Sendable {
    /// The number of the handler.
    public internal(set) var handler = 0
    /// How many parameters were found.
    public internal(set) var parameterCount = 0
    private var parameters: (ByteRange, ByteRange, ByteRange, ByteRange, ByteRange, ByteRange, ByteRange, ByteRange) = (
        ByteRange(), ByteRange(), ByteRange(), ByteRange(), ByteRange(), ByteRange(), ByteRange(), ByteRange()
    )

    /// How many parameters a pattern may have.
    public static let parametersMax = 8

    /// A parameter in the order of the pattern, undecoded.
    public subscript(index: Int) -> ByteRange {
        precondition(index >= 0 && index < parameterCount, "the pattern has fewer parameters")
        return withParameter(index)
    }

    private func withParameter(_ index: Int) -> ByteRange {
        switch index {
        case 0: parameters.0
        case 1: parameters.1
        case 2: parameters.2
        case 3: parameters.3
        case 4: parameters.4
        case 5: parameters.5
        case 6: parameters.6
        default: parameters.7
        }
    }

    mutating func push(_ range: ByteRange) {
        switch parameterCount {
        case 0: parameters.0 = range
        case 1: parameters.1 = range
        case 2: parameters.2 = range
        case 3: parameters.3 = range
        case 4: parameters.4 = range
        case 5: parameters.5 = range
        case 6: parameters.6 = range
        default: parameters.7 = range
        }
        parameterCount += 1
        assert(parameterCount <= Self.parametersMax)
    }

    /// A parameter in the order of the pattern, decoded. `nil` for a path that the router would have refused.
    public func text(_ index: Int, in path: RawSpan) -> String? { PercentDecoding.text(path.slice(self[index])) }

    /// Whether two matches found the same.
    public static func == (left: Self, right: Self) -> Bool {
        left.handler == right.handler && left.parameterCount == right.parameterCount
            && (0..<left.parameterCount).allSatisfy { left[$0] == right[$0] }
    }
}

/// A set of methods, for the `Allow` field.
public struct HTTPMethodSet: OptionSet, Sendable {
    /// One bit for each method that has a case.
    public let rawValue: UInt16
    /// Takes the bits.
    @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }
    /// The set of one method.
    @inlinable public init(_ method: HTTPMethod) { rawValue = 1 &<< UInt16(method.rawValue) }

    /// The methods as the value of an `Allow` field.
    public var fieldValue: String {
        HTTPMethod.allCases.filter { $0 != .other && contains(HTTPMethodSet($0)) }
            .map { "\($0.text)" }.joined(separator: ", ")
    }
}

/// What a router says about a request.
public enum RouteResult: Equatable, Sendable {
    /// This handler serves it.
    case found(RouteMatch)
    /// The path exists, but not for this method: 405, with these in `Allow`.
    case methodNotAllowed(HTTPMethodSet)
    /// No route has this path: 404.
    case notFound
    /// The path has a malformed escape, a dot segment or something that is not UTF-8: 400.
    case malformedPath
}

struct RouteTable: Sendable {
    private struct Node: Sendable {
        var fixed: [(segment: [UInt8], node: Int)] = []
        var parameter: Int?
        var leaf = Leaf()
        /// What serves everything below.
        var tail = Leaf()
    }

    /// The handlers that end at a node, by method.
    private struct Leaf: Sendable {
        var any: Int?
        var methods: HTTPMethodSet = []
        var handlers: [(method: HTTPMethod, handler: Int)] = []

        func handler(for method: HTTPMethod) -> Int? {
            for entry in handlers where entry.method == method { return entry.handler }
            if method == .head {
                for entry in handlers where entry.method == .get { return entry.handler }
            }
            return any
        }
    }

    private var nodes = [Node()]

    private enum Part {
        case fixed([UInt8])
        case parameter
        case tail
    }

    /// Adds a route. Patterns are our own, so a wrong one is our bug.
    mutating func add(_ method: HTTPMethod?, _ pattern: String, handler: Int) {
        precondition(pattern.utf8.first == UInt8(ascii: "/"), "a pattern starts with a slash")
        precondition(method != .other, "a route needs a method with a name, or none for all")
        let segments = pattern.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        var at = 0
        var parameters = 0
        for (index, segment) in segments.enumerated() {
            switch Self.part(segment) {
            case .fixed(let text): at = child(of: at, text)
            case .parameter:
                parameters += 1
                at = nodes[at].parameter ?? append(to: at)
            case .tail:
                parameters += 1
                precondition(index == segments.count - 1, "only the last segment can be a tail")
                precondition(parameters <= RouteMatch.parametersMax, "too many parameters")
                return Self.enter(method, handler, &nodes[at].tail)
            }
        }
        precondition(parameters <= RouteMatch.parametersMax, "too many parameters")
        Self.enter(method, handler, &nodes[at].leaf)
    }

    private static func part(_ segment: Substring) -> Part {
        if segment.hasPrefix("{"), segment.hasSuffix("...}") { return .tail }
        if segment.hasPrefix("{"), segment.hasSuffix("}") { return .parameter }
        precondition(!segment.contains("{") && !segment.contains("}"), "a parameter is a whole segment")
        return .fixed(Array(segment.utf8))
    }

    private mutating func child(of node: Int, _ segment: [UInt8]) -> Int {
        for entry in nodes[node].fixed where entry.segment == segment { return entry.node }
        nodes.append(Node())
        nodes[node].fixed.append((segment, nodes.count - 1))
        return nodes.count - 1
    }

    private mutating func append(to node: Int) -> Int {
        nodes.append(Node())
        nodes[node].parameter = nodes.count - 1
        return nodes.count - 1
    }

    private static func enter(_ method: HTTPMethod?, _ handler: Int, _ leaf: inout Leaf) {
        guard let method else {
            precondition(leaf.any == nil, "the same route twice")
            leaf.any = handler
            return
        }
        precondition(!leaf.handlers.contains { $0.method == method }, "the same route twice")
        leaf.handlers.append((method, handler))
        leaf.methods.insert(HTTPMethodSet(method))
        if method == .get { leaf.methods.insert(HTTPMethodSet(.head)) }
    }

    /// Finds the handler for a path.
    func match(_ method: HTTPMethod, _ path: RawSpan) -> RouteResult {
        guard path.byteCount > 0, path.byte(0) == UInt8(ascii: "/") else { return .notFound }
        let shape = PathShape(path)
        guard shape != .malformed else { return .malformedPath }
        var search = Search(method: method, hasEscapes: shape == .escaped)
        if find(0, path, from: 1, &search) { return .found(search.match) }
        if search.endsInMalformedTail { return .malformedPath }
        return search.allowed.isEmpty ? .notFound : .methodNotAllowed(search.allowed)
    }

    private struct Search {
        let method: HTTPMethod
        let hasEscapes: Bool
        var match = RouteMatch()
        var allowed: HTTPMethodSet = []
        var endsInMalformedTail = false
    }

    /// Searches below a node; recursion is as deep as the longest pattern, which is ours and not the peer's.
    private func find(_ node: Int, _ path: RawSpan, from start: Int, _ search: inout Search) -> Bool {
        if start > path.byteCount { return take(nodes[node].leaf, &search) }
        let end = path.find(UInt8(ascii: "/"), from: start, to: path.byteCount)
        let segment = path.extracting(start..<end)
        for index in nodes[node].fixed.indices
        where segment.isSegment(nodes[node].fixed[index].segment, hasEscapes: search.hasEscapes) {
            if find(nodes[node].fixed[index].node, path, from: end + 1, &search) { return true }
        }
        if let next = nodes[node].parameter, end > start {
            let held = search.match
            search.match.push(ByteRange(start, end))
            if find(next, path, from: end + 1, &search) { return true }
            search.match = held
        }
        guard nodes[node].tail.any != nil || !nodes[node].tail.methods.isEmpty else { return false }
        // An escaped slash in a tail would become a separator that nobody has checked: `..%2F..%2Fetc`.
        if search.hasEscapes, path.extracting(start..<path.byteCount).hasEscapedSlash {
            search.endsInMalformedTail = true
            return false
        }
        guard take(nodes[node].tail, &search) else { return false }
        search.match.push(ByteRange(start, path.byteCount))
        return true
    }

    @inline(__always) private func take(_ leaf: Leaf, _ search: inout Search) -> Bool {
        if let handler = leaf.handler(for: search.method) {
            search.match.handler = handler
            return true
        }
        search.allowed.formUnion(leaf.methods)
        return false
    }
}

/// What a path needs before its segments can be compared.
enum PathShape: Equatable {
    case plain, escaped, malformed

    init(_ path: RawSpan) {
        let count = path.byteCount
        var hasEscapes = false
        var start = 1
        while start <= count {
            let end = path.find(UInt8(ascii: "/"), from: start, to: count)
            let segment = path.extracting(start..<end)
            if segment.find(UInt8(ascii: "%"), from: 0, to: segment.byteCount) < segment.byteCount {
                hasEscapes = true
                guard let decoded = PercentDecoding.text(segment), decoded != ".", decoded != ".." else {
                    self = .malformed
                    return
                }
            } else if segment.byteCount > 0, segment.byteCount <= 2, segment.byte(0) == UInt8(ascii: "."),
                segment.byte(segment.byteCount &- 1) == UInt8(ascii: ".")
            {
                self = .malformed
                return
            }
            start = end &+ 1
        }
        self = hasEscapes ? .escaped : .plain
    }
}

extension RawSpan {
    /// Whether a segment is this text once it is decoded. Its escapes have been found well-formed.
    @inline(__always) fileprivate func isSegment(_ text: [UInt8], hasEscapes: Bool) -> Bool {
        guard hasEscapes else { return unsafe equals(text.span.bytes) }
        var at = 0
        for wanted in text {
            guard at < byteCount, PercentDecoding.next(self, &at) == wanted else { return false }
        }
        return at == byteCount
    }

    fileprivate var hasEscapedSlash: Bool {
        var at = 0
        while at < byteCount {
            let isEscape = byte(at) == UInt8(ascii: "%")
            if PercentDecoding.next(self, &at) == UInt8(ascii: "/"), isEscape { return true }
        }
        return false
    }
}
