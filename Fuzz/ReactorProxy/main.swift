// The first bytes of a connection: no input may trap, and no split may change the verdict.

/// Judges one input; a broken promise traps.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzReactorProxy(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = UnsafeRawBufferPointer(start: start, count: count)
    let lengthMax = 1_024
    let whole = ProxyProtocol.parse(bytes, lengthMax: lengthMax)
    if case .header(let header) = whole {
        precondition(header.length >= 16 && header.length <= min(count, lengthMax))
        for end in [header.source, header.destination] { check(end) }
    }
    // Beyond the limit a verdict has been reached; what follows cannot change it.
    for end in 0..<min(count, lengthMax + 1) {
        let verdict = ProxyProtocol.parse(UnsafeRawBufferPointer(rebasing: bytes[..<end]), lengthMax: lengthMax)
        precondition(verdict == .needMore || verdict == whole)
    }
    return 0
}

/// An address has one text, from which it is read back.
private func check(_ end: SocketAddress?) {
    guard let end, case .ip = end else { return }
    precondition((try? SocketAddress(end.description)) == end)
}
