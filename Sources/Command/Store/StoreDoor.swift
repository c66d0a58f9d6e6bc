import Base
import Console
import Gamekeeper
import Reactor
import Store
import Web
import Wire

/// The way to the store: through the server that has it, or, where none has it, by ourselves.
enum StoreDoor {
    case server(StoreClient)
    case own(Store, StoreClerk)

    /// Finds the server whose data folder is configured; where none answers there, opens the store itself.
    ///
    /// - Throws: why neither is possible.
    static func open(_ configuration: Configuration) async throws(ClerkReply.Refusal) -> StoreDoor {
        let place = configuration.storePlace
        if let folder = configuration.data, let client = try await StoreClient.find(in: folder, configuration) {
            let name = StoreClerk.name(of: place)
            guard client.place == name else {
                client.close()
                throw .init(
                    .invalid,
                    "the server that runs in \(folder) has the store \(client.place), and \(name) is configured here"
                )
            }
            return .server(client)
        }
        guard place != .memory else {
            throw .init(.away, "the store is in the memory of a server, and none answers in the data folder")
        }
        let store = try open(place, configuration.storeOptions)
        return .own(store, StoreClerk(store, at: place, log: .silent, limits: configuration.limits))
    }

    /// A question neither makes a store nor migrates one.
    private static func open(_ place: StorePlace, _ options: StoreOptions) throws(ClerkReply.Refusal) -> Store {
        let schema: StoreSchema
        do throws(StoreTrouble) {
            schema = try StoreSchema.look(at: place, options)
        } catch {
            throw .init(.away, "\(place): \(error.refusalWords)")
        }
        guard schema.found > 0 else { throw .init(.notFound, "there is nothing at \(place) yet") }
        guard schema.due.isEmpty else {
            throw .init(.away, "\(place) has an older schema: `gamekeeper migrate` first")
        }
        do throws(StoreTrouble) {
            return try Store(place, options)
        } catch {
            throw .init(.away, "\(place): \(error.refusalWords)")
        }
    }

    /// Has an errand done.
    func ask(_ errand: ClerkErrand) async -> ClerkReply {
        switch self {
        case .server(let client): await client.ask(errand)
        case .own(_, let clerk): await clerk.serve(errand)
        }
    }

    /// Lets go of everything.
    func close() {
        switch self {
        case .server(let client): client.close()
        case .own(let store, _): store.close()
        }
    }
}

extension StoreTrouble {
    /// As a command tells it, which may have been started beside a server.
    fileprivate var refusalWords: String {
        guard self == .inUse else { return words }
        return words + ": if it is a server, name the data folder that it runs in (--data)"
    }
}

/// Speaks to a server through the socket in its data folder.
final class StoreClient: Sendable {
    /// The store that the server has.
    let place: String
    private let web: WebClient
    private let loops: EventLoopGroup

    private init(_ place: String, _ web: WebClient, _ loops: EventLoopGroup) {
        self.place = place
        self.web = web
        self.loops = loops
    }

    /// Finds a server by its data folder; `nil` where none answers.
    static func find(
        in folder: String,
        _ configuration: Configuration
    ) async throws(ClerkReply.Refusal) -> StoreClient? {
        let address: SocketAddress
        do throws(StoreSocket.Refusal) {
            address = try StoreSocket.address(in: folder)
        } catch {
            throw .init(.invalid, error.words)
        }
        guard let loops = try? EventLoopGroup(count: 1), let web = try? client(of: address, configuration, loops) else {
            throw .init(.away, "the system refuses an event loop")
        }
        loops.start()
        do throws(Silence) {
            let reply = try await ask(web, ClerkErrand(.place))
            guard case .done(let object) = reply, case .string(let place)? = object["place"] else {
                throw Silence.other("it is no server of ours")
            }
            return StoreClient(place, web, loops)
        } catch {
            loops.stop(within: .milliseconds(100))
            guard case .other(let words) = error else { return nil }
            throw .init(.away, "\(address): \(words)")
        }
    }

    private static func client(
        of address: SocketAddress,
        _ configuration: Configuration,
        _ loops: EventLoopGroup
    ) throws -> WebClient {
        var options = WebClientOptions()
        options.address = address
        options.limits.bodyBytesMax = configuration.limits.operations.storeMessageBytesMax
        // A check reads everything, and nothing is heard until it has.
        options.limits.responseTimeout = .seconds(24 * 3_600)
        return try WebClient(on: loops, options)
    }

    func close() { loops.stop(within: .milliseconds(100)) }

    func ask(_ errand: ClerkErrand) async -> ClerkReply {
        do throws(Silence) {
            return try await Self.ask(web, errand)
        } catch {
            return .refused(.init(.away, "the server has gone: \(error)"))
        }
    }

    private enum Silence: Error {
        case nobody
        case other(String)
    }

    private static func ask(_ web: WebClient, _ errand: ClerkErrand) async throws(Silence) -> ClerkReply {
        var body = ByteBuffer()
        guard (try? Value.object(errand.object).write(.json, to: &body)) != nil,
            let url = try? WebURL("http://localhost/v1/store")
        else { throw .other("it cannot be written as JSON") }
        let fields = [HTTPField("Content-Type", "application/json")]
        let request = ClientRequest(.post, url, fields: fields, body: .bytes(body.array()), timeout: nil)
        let response: ClientResponse
        do throws(WebClientError) {
            response = try await web.send(request)
        } catch {
            switch error {
            // A socket without a server, and none at all (ENOENT).
            case .unreachable(.refused), .unreachable(.other(2)): throw .nobody
            case .unreachable(.notPermitted): throw .other("this user may not speak to the server")
            default: throw .other("\(error)")
            }
        }
        guard case .object(let object)? = try? unsafe Value(response.body.span.bytes, as: .json) else {
            throw .other("it answers \(response.status.rawValue) and no JSON")
        }
        if response.status == .ok { return .done(object) }
        guard case .string(let words)? = object["detail"] else {
            throw .other("it answers \(response.status.rawValue)")
        }
        var reason = ClerkReply.Reason.invalid
        if case .string(let text)? = object["reason"] { reason = ClerkReply.Reason(rawValue: text) ?? .invalid }
        return .refused(.init(reason, words))
    }
}
