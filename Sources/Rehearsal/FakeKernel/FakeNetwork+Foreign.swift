import Base
public import Reactor

/// Descriptors that belong to a library of the process: a loop may watch them and must never close them.
extension FakeNetwork {
    /// A library opens a stream.
    ///
    /// - Returns: its descriptor, and the far end.
    public func openForeign() -> (descriptor: Descriptor, far: FakeSocket) {
        let near = FakeSocket(.unix(path: ""), capacity: entropy.uniform(in: capacities))
        let far = FakeSocket(.unix(path: ""), capacity: entropy.uniform(in: capacities), isPlayers: true)
        near.peer = far
        far.peer = near
        near.isForeign = true
        return (open(near), far)
    }

    /// The library closes it. The kernel forgets by itself whoever watched it, as Linux does.
    public func closeForeign(_ descriptor: Descriptor) {
        guard let socket = socket(descriptor, "a library's close") else { return }
        socket.armedIn = nil
        socket.isForeign = false
        close(descriptor)
        closedForeign.insert(descriptor)
    }
}
