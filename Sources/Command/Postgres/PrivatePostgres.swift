import Base
import Reactor

/// A PostgreSQL server of our own: in a folder that goes away with it, reached through a socket in that folder and through
/// nothing else, and ended when this process ends in whatever way.
///
/// A shell holds the server and listens to us; when our end of the pipe closes, it ends the server and clears up. As root
/// it becomes the user `postgres` or `nobody`, because PostgreSQL does not run as root. Its calls block.
struct PrivatePostgres: ~Copyable {
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

    private var shell: ChildProcess
    /// Where everything of it is.
    let folder: String

    /// Makes a database and starts the server. Settings are lines of its configuration; what is not said is PostgreSQL's
    /// own default, `fsync = on` too.
    init(settings: [String] = []) throws(Failure) {
        guard let programs = Self.programs else {
            throw Failure(text: "PostgreSQL's programs are not installed here; --store names a server that runs")
        }
        var options = ChildProcess.Options()
        options.takesInput = true
        let lines = ["max_connections = 200", "shared_buffers = '128MB'"] + settings
        let words = ["/bin/sh", "-c", Self.script, "postgres", programs, lines.joined(separator: "\n")]
        var shell: ChildProcess
        do throws(ProcessFailure) {
            shell = try ChildProcess(words, options)
        } catch {
            throw Failure(text: "no shell for PostgreSQL: \(error)")
        }
        folder = try Self.answer(&shell, to: "start")
        self.shell = shell
    }

    /// The address of the database.
    func url(schema: String = "gamekeeper") -> String {
        "postgres://gamekeeper@/postgres?host=\(folder)&schema=\(schema)"
    }

    /// Ends the server and clears up. Without it the shell does the same a little later, when it finds us gone.
    consuming func leave() {
        shell.say("leave")
        _ = shell.wait(within: .seconds(30))
    }

    // MARK: What may happen to a server

    /// Kills all of its processes at once (`SIGKILL`), and starts it again.
    mutating func kill() throws(Failure) { _ = try say("kill") }

    /// Ends it without asking anybody, and starts it again.
    mutating func crash() throws(Failure) { _ = try say("crash") }

    /// Ends it as an operator does, and starts it again.
    mutating func restart() throws(Failure) { _ = try say("restart") }

    /// Stops all of its processes where they stand.
    mutating func freeze() throws(Failure) { _ = try say("freeze") }

    /// Lets them go on.
    mutating func thaw() throws(Failure) { _ = try say("thaw") }

    // MARK: What can be measured

    /// Processor time of all processes that the server has and had since it was started, to 10 ms each.
    mutating func processorTime() throws(Failure) -> Duration {
        let text = try say("cost")
        guard let milliseconds = Int64(text) else { throw Failure(text: "PostgreSQL's cost is no number: \(text)") }
        return .milliseconds(milliseconds)
    }

    /// Bytes that the server has written ahead since it was made.
    mutating func writeAheadBytes() throws(Failure) -> Int {
        let text = try say("ahead")
        guard let bytes = Int(text) else { throw Failure(text: "PostgreSQL's log is no number: \(text)") }
        return bytes
    }

    /// Says a word to the shell and waits for its answer.
    mutating func say(_ word: String) throws(Failure) -> String {
        shell.say(word)
        return try Self.answer(&shell, to: word)
    }

    private static func answer(_ shell: inout ChildProcess, to word: String) throws(Failure) -> String {
        let line: String?
        do throws(ProcessFailure) { line = try shell.line(within: patience) } catch {
            throw Failure(text: "PostgreSQL did not \(word): \(error)")
        }
        guard let line, line.hasPrefix("ready") else {
            throw Failure(text: "PostgreSQL did not \(word): \(line ?? "its shell has ended")")
        }
        return String(line.dropFirst(6))
    }
}
