import Base

/// A call as a dialect has found it in a message: borrowed from the message's bytes, in no form of any dialect.
struct IncomingCall: ~Escapable {
    /// The method's name.
    let method: RawSpan
    /// The params as one whole value in the connection's format; empty without.
    let params: RawSpan
    /// The idempotency key; nil without.
    let key: RawSpan?
    /// The caller's place in a trace; nil without one that can be read.
    var trace: TraceContext?
    /// The number of a fire-and-forget call, by which repeated ones are dropped.
    var seq: Int64?
    /// How long the caller waits.
    var deadlineMilliseconds: Int64?

    @_lifetime(copy method, copy params, copy key)
    init(method: RawSpan, params: RawSpan, key: RawSpan? = nil) {
        self.method = method
        self.params = params
        self.key = key
    }
}

/// What a client has said to a question of the server.
enum ClientAnswer: ~Escapable {
    /// A result as one whole value in the connection's format.
    case result(RawSpan)
    /// It refuses: the code, as far as it is one of ours.
    case refused(ErrorCode?)
}
