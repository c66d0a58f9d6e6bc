public import Base

extension Exchange {
    /// The values of all fields of this name, given in lower case, in the order of their coming. Values that are not UTF-8
    /// are left out.
    public func texts(named name: StaticString) -> [String] {
        (0..<head.fieldCount).compactMap { index in
            let field = head.field(at: index)
            guard headBytes.slice(field.name).equalsIgnoringCase(name) else { return nil }
            return headBytes.slice(field.value).text()
        }
    }

    /// What the request says of the trace it belongs to, by the rules of the W3C. It allocates only where something is said.
    public var traceOrigin: TraceOrigin {
        guard head.value(of: .traceparent) != nil else { return TraceOrigin(parents: [], states: []) }
        return TraceOrigin(parents: texts(named: "traceparent"), states: texts(named: "tracestate"))
    }
}

extension ClientRequest {
    /// Says to which trace the request belongs, instead of what it said before.
    public mutating func setTrace(_ context: TraceContext, state: TraceState? = nil) {
        fields.removeAll { ["traceparent", "tracestate"].contains($0.name.lowercased()) }
        fields.append(HTTPField("traceparent", context.traceparent))
        if let state { fields.append(HTTPField("tracestate", state.text)) }
    }
}
