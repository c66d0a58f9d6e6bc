import Base
public import Reactor
import Web
import Wire

/// The socket in the data folder through which `gamekeeper store` speaks to the server that has the store.
///
/// Nobody but the server's own user may connect. It has a loop of its own, so that neither players nor those who ask for
/// health wait while four megabytes are written as JSON. A lock beside it tells the socket of a living server, which is
/// never taken away, from one that a dead one has left.
public final class StoreSocket: Sendable {
    /// Why there is no socket. The server works without one.
    public enum Refusal: Error, Equatable {
        /// The system takes paths of 107 bytes.
        case pathTooLong(String)
        /// Another process answers there.
        case inUse(String)
        /// The folder cannot be used.
        case file(FileRefusal)
        /// The kernel refuses it.
        case kernel(String, KernelError)

        /// A sentence for the operator.
        public var words: String {
            switch self {
            case .pathTooLong(let path):
                "the path \(path) has \(path.utf8.count) bytes and a socket's may have 107: choose a data folder with "
                    + "a shorter path, or start in it and name it from there"
            case .inUse(let path): "another process answers at \(path)"
            case .file(let refusal): "\(refusal)"
            case .kernel(let path, let error): "\(path): \(error)"
            }
        }
    }

    /// Its place in a data folder.
    public static func path(in folder: String) -> String { "\(folder)/gamekeeper.sock" }

    /// Its address.
    ///
    /// - Throws: `pathTooLong`.
    public static func address(in folder: String) throws(Refusal) -> SocketAddress {
        let path = path(in: folder)
        do { return try SocketAddress("unix:\(path)") } catch { throw .pathTooLong(path) }
    }

    private let path: String
    private let lock: FileLock
    private let group: EventLoopGroup

    /// Listens in a data folder, and answers at once.
    ///
    /// - Throws: why not. The socket of another process is as it was.
    public init(in folder: String, _ clerk: StoreClerk) throws(Refusal) {
        let address = try Self.address(in: folder)
        path = Self.path(in: folder)
        lock = try Self.lock(path)
        var limits = clerk.limits
        let bytesMax = limits.operations.storeMessageBytesMax
        limits.loop.connectionsMax = limits.operations.storeConnectionsMax
        limits.connection.outgoingBytesMax = max(limits.connection.outgoingBytesMax, bytesMax + (1 << 20))
        do throws(KernelError) {
            group = try EventLoopGroup(count: 1, limits: limits)
            let server = WebServer(
                Self.routes(clerk, bytesMax: bytesMax),
                options: WebServerOptions(limits: limits, metrics: WebMetrics(loops: 1))
            )
            var listener = ListenerOptions(address: address)
            listener.isPrivate = true
            try server.listen(on: group, listener)
        } catch {
            lock.release()
            throw .kernel(path, error)
        }
        group.start()
    }

    /// Takes the lock, and removes what a dead process has left.
    private static func lock(_ path: String) throws(Refusal) -> FileLock {
        do throws(FileRefusal) {
            if case .held(let lock) = try FileLock.take(path + ".lock") {
                try Files.removeSocket(path)
                return lock
            }
        } catch {
            throw .file(error)
        }
        throw .inUse(path)
    }

    /// Ends. The socket goes first, so that whoever comes now finds none instead of one that is silent.
    public func stop(within time: Duration = .seconds(1)) {
        try? Files.removeSocket(path)
        group.stop(within: time)
        lock.release()
    }

    // MARK: What is answered

    private static func routes(_ clerk: StoreClerk, bytesMax: Int) -> Routes {
        var routes = Routes()
        routes.add(
            .post,
            "/v1/store",
            bodyBytesMax: bytesMax,
            .async { exchange in
                guard let bytes = await exchange.wholeBody(), let body = AdminAnswer.object(bytes, of: exchange) else {
                    return
                }
                guard let errand = ClerkErrand(body) else {
                    return AdminAnswer.problem(exchange, .badRequest, "this is no errand")
                }
                switch await clerk.serve(errand) {
                case .done(let object): AdminAnswer.json(exchange, .object(object))
                case .refused(let refusal):
                    let value: Value = ["reason": .string(refusal.reason.rawValue), "detail": .string(refusal.words)]
                    AdminAnswer.json(exchange, status: status(of: refusal.reason), value, type: .problem)
                }
            }
        )
        return routes
    }

    private static func status(of reason: ClerkReply.Reason) -> HTTPStatus {
        switch reason {
        case .notFound: .notFound
        case .locked, .conflict: HTTPStatus(rawValue: 409)
        case .invalid: .badRequest
        case .away: .unavailable
        }
    }
}
