import Base
import Reactor

/// A PostgreSQL server of our own: in a folder that goes away with it, reached through a socket in that folder and through
/// nothing else, and ended when this process ends in whatever way.
///
/// A shell holds the server and listens to us; when our end of the pipe closes, it ends the server and clears up. As root
/// it becomes the user `postgres` or `nobody`, because PostgreSQL does not run as root. Its calls block.
final class PrivatePostgres {
    /// Why there is none, or why it does not do what it is asked.
    struct Failure: Error, Equatable, Sendable {
        /// In words.
        let text: String
    }

    /// Where the server's programs are; `nil` where they are not installed.
    static let programs: String? = {
        let places = (13...30).reversed().map { "/usr/lib/postgresql/\($0)/bin" } + ["/usr/local/pgsql/bin"]
        return places.first { place in
            ["postgres", "initdb", "pg_isready"].allSatisfy { ChildProcess.isProgram("\(place)/\($0)") }
        }
    }()

    private static let patience = Duration.seconds(120)

    private let shell: HeldShell
    /// Where everything of it is.
    let folder: String

    /// Makes a database and starts the server. Settings are lines of its configuration; what is not said is PostgreSQL's
    /// own default, `fsync = on` too.
    init(settings: [String] = []) throws(Failure) {
        guard let programs = Self.programs else {
            throw Failure(text: "PostgreSQL's programs are not installed here; --store names a server that runs")
        }
        let lines = ["max_connections = 200", "shared_buffers = '128MB'"] + settings
        let words = ["/bin/sh", "-c", Self.script, "postgres", programs, lines.joined(separator: "\n")]
        let shell: HeldShell
        do throws(ProcessFailure) {
            shell = try HeldShell(words)
        } catch {
            throw Failure(text: "no shell for PostgreSQL: \(error)")
        }
        folder = try Self.answer(shell, to: "start")
        self.shell = shell
    }

    /// The address of the database.
    func url(schema: String = "gamekeeper") -> String {
        "postgres://gamekeeper@/postgres?host=\(folder)&schema=\(schema)"
    }

    // MARK: What may happen to a server

    /// Kills all of its processes at once (`SIGKILL`), and starts it again.
    func kill() throws(Failure) { _ = try say("kill") }

    /// Ends it without asking anybody, and starts it again.
    func crash() throws(Failure) { _ = try say("crash") }

    /// Ends it as an operator does, and starts it again.
    func restart() throws(Failure) { _ = try say("restart") }

    /// Ends every session, as an operator or a proxy may; the server goes on.
    func cut() throws(Failure) { _ = try say("cut") }

    /// Kills the process of one session (`SIGKILL`): the server then ends all of them and recovers by itself.
    func stab() throws(Failure) { _ = try say("stab") }

    /// Stops all of its processes where they stand.
    func freeze() throws(Failure) { _ = try say("freeze") }

    /// Lets them go on.
    func thaw() throws(Failure) { _ = try say("thaw") }

    // MARK: What can be measured

    /// Processor time of all processes that the server has and had since it was started, to 10 ms each.
    func processorTime() throws(Failure) -> Duration {
        let text = try say("cost")
        guard let milliseconds = Int64(text) else { throw Failure(text: "PostgreSQL's cost is no number: \(text)") }
        return .milliseconds(milliseconds)
    }

    /// Bytes that the server has written ahead since it was made.
    func writeAheadBytes() throws(Failure) -> Int {
        let text = try say("ahead")
        guard let bytes = Int(text) else { throw Failure(text: "PostgreSQL's log is no number: \(text)") }
        return bytes
    }

    /// Says a word to the shell and waits for its answer.
    func say(_ word: String) throws(Failure) -> String {
        shell.process.say(word)
        return try Self.answer(shell, to: word)
    }

    private static func answer(_ shell: HeldShell, to word: String) throws(Failure) -> String {
        let line: String?
        do throws(ProcessFailure) { line = try shell.process.line(within: patience) } catch {
            throw Failure(text: "PostgreSQL did not \(word): \(error)")
        }
        guard let line, line.hasPrefix("ready") else {
            throw Failure(text: "PostgreSQL did not \(word): \(line ?? "its shell has ended")")
        }
        return String(line.dropFirst(6))
    }
}

/// A shell that holds something for us: when nobody has the shell any more it is told to leave, and clears up behind
/// itself; and so it does when it finds this process gone.
final class HeldShell {
    var process: ChildProcess

    /// Starts it.
    init(_ words: [String]) throws(ProcessFailure) {
        var options = ChildProcess.Options()
        options.takesInput = true
        process = try ChildProcess(words, options)
    }

    deinit {
        process.say("leave")
        _ = process.wait(within: .seconds(30))
    }
}
