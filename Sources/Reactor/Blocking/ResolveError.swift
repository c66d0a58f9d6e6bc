/// Why a name has no addresses for us.
public enum ResolveError: Error, Hashable, Sendable {
    /// No name is written like this. Names beyond ASCII are asked for in their `xn--` form.
    case malformedName
    /// The name does not exist, or has no address.
    case noSuchName
    /// The name servers do not answer or are broken. Try again later.
    case noAnswer
    /// The caller's time has passed.
    case timedOut
    /// Too many look-ups wait already. Try again later.
    case busy
    /// The pool has been stopped.
    case stopped
    /// Anything else, by the number that `getaddrinfo` gives.
    case system(Int32)
}
