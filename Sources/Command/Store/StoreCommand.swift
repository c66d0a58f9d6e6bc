import Base
import Console
import Gamekeeper
import Reactor
import Store
import Synchronization
import Wire

/// `gamekeeper store`: looks into the store and changes it, while the server runs and while it does not.
enum StoreCommand {
    static func run(_ arguments: [String]) -> ExitStatus {
        var request: StoreRequest
        let configuration: Configuration
        do throws(StoreRequest.Misunderstood) {
            request = try StoreRequest(arguments, now: SystemClock().wallTime())
            do throws(SettingRefusal) {
                configuration = try ConfigurationReader().read(request.settings)
            } catch {
                return .usage("\(error)")
            }
            if request.readsInput { request.errand.value = try input(configuration) }
        } catch {
            return .usage(error.words)
        }
        return wait { [request] in await serve(request, configuration) { StandardStreams.write($0) } }
    }

    private static func input(_ configuration: Configuration) throws(StoreRequest.Misunderstood) -> Value {
        let max = configuration.limits.operations.storeMessageBytesMax
        guard let input = StandardStreams.readAll(bytesMax: max) else {
            throw StoreRequest.Misunderstood("the standard input has more than \(max >> 20) MiB")
        }
        return try StoreRequest.value(input.array())
    }

    /// Has the main thread wait for a task.
    static func wait(_ body: @escaping @Sendable () async -> ExitStatus) -> ExitStatus {
        let isOver = Bell()
        let status = Mutex<ExitStatus?>(nil)
        Task {
            let ended = await body()
            status.withLock { $0 = ended }
            isOver.ring()
        }
        isOver.wait()
        return status.withLock { $0 } ?? .failure("it has no end")
    }

    /// Does what was asked for and tells what came of it.
    private static func serve(
        _ request: StoreRequest,
        _ configuration: Configuration,
        _ write: @escaping @Sendable (String) -> Void
    ) async -> ExitStatus {
        do throws(ClerkReply.Refusal) {
            guard try await tell(request, configuration, write) else { return .failure("not all is well") }
            return .success
        } catch {
            return .failure(TerminalText.plain(error.words))
        }
    }

    /// Does what was asked for and writes what came of it.
    ///
    /// - Returns: whether all is well with the store, where that was the question.
    /// - Throws: why it was not done.
    static func tell(
        _ request: StoreRequest,
        _ configuration: Configuration,
        _ write: (String) -> Void
    ) async throws(ClerkReply.Refusal) -> Bool {
        let door = try await StoreDoor.open(configuration)
        defer { door.close() }
        var errand = request.errand
        let text = StoreText(request)
        while true {
            switch await door.ask(errand) {
            case .refused(let refusal): throw refusal
            case .done(let object):
                write(text.text(of: object))
                if errand.deed == .check { return object["well"] == .bool(true) }
                // Lists go on by themselves.
                guard let next = object["next"], next != .null else { return true }
                errand.after = next
            }
        }
    }
}
