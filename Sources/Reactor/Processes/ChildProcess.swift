import Base
import CLinux
import Glibc
import Synchronization

/// A process that this one started and will end.
///
/// Its calls block, so they belong to commands and to threads of their own, never to an event loop. Letting go of the
/// value kills the process and waits for it: no child outlives its owner's interest.
public struct ChildProcess: ~Copyable {
    /// The process's number.
    public let identifier: Int32
    private let output: Int32
    private let input: Int32?
    private var pending: [UInt8] = []
    private var ending: Ending?

    /// How a process ended.
    public enum Ending: Equatable, Sendable {
        /// By itself, with this status.
        case exited(Int32)
        /// By this signal.
        case signalled(Int32)
    }

    /// What a child is started with.
    public struct Options: Sendable {
        /// The processor that it may use; all of this process's when nil.
        public var processor: Int?
        /// Whether `say` can talk to it; otherwise its input is empty.
        public var takesInput = false

        /// A child on any processor, without input.
        public init() {}
    }

    /// The longest line that a child may say. A longer one is an error, and the child is of no use any more.
    public static let lineBytesMax = 64 * 1024

    /// Starts a program: a path and its arguments. The child's output is read by `line(within:)`; its errors go where
    /// ours go.
    ///
    /// - Throws: `ProcessFailure` when the system refuses; nothing was started then.
    public init(_ command: [String], _ options: Options = Options()) throws(ProcessFailure) {
        guard let outputs = Pipe() else { throw .refused("pipe", errno) }
        var inputs: Pipe?
        if options.takesInput {
            inputs = Pipe()
            guard inputs != nil else {
                let number = errno
                outputs.closeBoth()
                throw .refused("pipe", number)
            }
        }
        let result = Self.spawn(command, on: options.processor, output: outputs.writing, input: inputs?.reading)
        close(outputs.writing)
        if let inputs { close(inputs.reading) }
        switch result {
        case .success(let started):
            identifier = started
            output = outputs.reading
            input = inputs?.writing
        case .failure(let failure):
            close(outputs.reading)
            if let inputs { close(inputs.writing) }
            throw failure
        }
    }

    deinit {
        if ending == nil {
            kill(identifier, SIGKILL)
            var status: Int32 = 0
            while waitpid(identifier, &status, 0) < 0, errno == EINTR {}
        }
        close(output)
        if let input { close(input) }
    }

    /// The next line that the child says, without its end; nil when it will say nothing more.
    ///
    /// - Throws: `.late` when no whole line comes in time, `.line` when it is longer than `lineBytesMax`.
    public mutating func line(within patience: Duration) throws(ProcessFailure) -> String? {
        let deadline = Self.now() + patience
        while true {
            if let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: pending[..<end], as: UTF8.self)
                pending.removeSubrange(...end)
                return line
            }
            guard pending.count < Self.lineBytesMax else { throw .line }
            let left = deadline - Self.now()
            guard left > .zero else { throw .late }
            var wait = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
            guard poll(&wait, 1, Self.milliseconds(left)) > 0 else { continue }
            let got = withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { room in
                let count = read(output, room.baseAddress, room.count)
                if count > 0 { pending.append(contentsOf: room.prefix(count)) }
                return count
            }
            if got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN) { return nil }
        }
    }

    /// Says a line to a child that takes input. A child that has gone does not hear it; `wait` tells.
    public func say(_ line: String) {
        guard let input else { return }
        // A child that has gone would otherwise end us too. The signal is blocked on this thread for the call.
        var before = sigset_t()
        var pipe = sigset_t()
        sigemptyset(&pipe)
        sigaddset(&pipe, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &pipe, &before)
        let bytes = Array(line.utf8) + [UInt8(ascii: "\n")]
        if write(input, bytes, bytes.count) < 0, errno == EPIPE {
            var none = timespec()
            sigtimedwait(&pipe, nil, &none)
        }
        pthread_sigmask(SIG_SETMASK, &before, nil)
    }

    /// Waits until the child has ended, and says how; nil when it still runs after that time.
    public mutating func wait(within patience: Duration) -> Ending? {
        if let ending { return ending }
        let deadline = Self.now() + patience
        while true {
            var status: Int32 = 0
            let reaped = waitpid(identifier, &status, WNOHANG)
            if reaped == identifier {
                let signal = status & 0x7f
                ending = signal == 0 ? .exited((status >> 8) & 0xff) : .signalled(signal)
                return ending
            }
            guard Self.now() < deadline else { return nil }
            poll(nil, 0, 2)
        }
    }

    /// Asks the child to end (`SIGTERM`), and ends it (`SIGKILL`) when it has not within that time.
    @discardableResult public mutating func stop(patience: Duration) -> Ending {
        if let ending { return ending }
        kill(identifier, SIGTERM)
        if let ending = wait(within: patience) { return ending }
        kill(identifier, SIGKILL)
        // Nothing survives this signal; only a process stuck in the kernel is reaped later.
        return wait(within: .seconds(10)) ?? .signalled(SIGKILL)
    }

    /// Ends the child at once (`SIGKILL`): it is told nothing and can do nothing more. `wait` reaps it.
    public func destroy() { if ending == nil { kill(identifier, SIGKILL) } }

    /// Stops the child where it stands (`SIGSTOP`).
    public func suspend() { if ending == nil { kill(identifier, SIGSTOP) } }

    /// Lets a child that was stopped go on (`SIGCONT`).
    public func resume() { if ending == nil { kill(identifier, SIGCONT) } }

    /// The number of this process itself.
    public static var ownIdentifier: Int32 { getpid() }

    /// The path of the program that runs now.
    public static func ownPath() -> String? {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PATH_MAX)) { room in
            guard let start = room.baseAddress else { return nil }
            let length = readlink("/proc/self/exe", start, room.count)
            guard length > 0 else { return nil }
            return String(decoding: room.prefix(length).map(UInt8.init(bitPattern:)), as: UTF8.self)
        }
    }

    /// Whether a program can be started from that path.
    public static func isProgram(_ path: String) -> Bool { access(path, X_OK) == 0 }

    private static func now() -> MonotonicTime {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return MonotonicTime(nanoseconds: Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec))
    }

    private static func milliseconds(_ time: Duration) -> Int32 {
        Int32(clamping: time.nanoseconds / 1_000_000 + 1)
    }
}

/// Why a process could not be started or listened to.
public enum ProcessFailure: Error, Equatable, Sendable {
    /// The system refused the call named, with its error number.
    case refused(String, Int32)
    /// The child did not say a line in time.
    case late
    /// The child's line is longer than `ChildProcess.lineBytesMax`.
    case line
    /// There is no such process, or it may not be looked at.
    case unknownProcess(Int32)
}

/// The two ends of a pipe. Neither is inherited, but for the copies that a spawn makes.
private struct Pipe {
    let reading: Int32
    let writing: Int32

    init?() {
        var ends: (Int32, Int32) = (0, 0)
        let failure = withUnsafeMutableBytes(of: &ends) {
            gamekeeper_pipe($0.assumingMemoryBound(to: Int32.self).baseAddress)
        }
        guard failure == 0 else { return nil }
        (reading, writing) = ends
    }

    func closeBoth() {
        close(reading)
        close(writing)
    }
}

extension ChildProcess {
    /// Affinity is inherited from the thread that spawns, so a pinned child is started by a thread that pins itself
    /// and ends: the caller's own affinity is never touched.
    private static func spawn(
        _ command: [String],
        on processor: Int?,
        output: Int32,
        input: Int32?
    ) -> Result<Int32, ProcessFailure> {
        guard let processor else { return spawnHere(command, output: output, input: input) }
        let outcome = Outcome()
        let thread = Thread(named: "spawn") {
            guard gamekeeper_pin(Int32(clamping: processor)) == 0 else {
                let number = errno
                outcome.result.withLock { $0 = .failure(.refused("sched_setaffinity", number)) }
                return
            }
            let result = spawnHere(command, output: output, input: input)
            outcome.result.withLock { $0 = result }
        }
        thread.join()
        return outcome.result.withLock { $0 }
    }

    private final class Outcome: Sendable {
        let result = Mutex(Result<Int32, ProcessFailure>.failure(.refused("pthread_create", 0)))
    }

    private static func spawnHere(
        _ command: [String],
        output: Int32,
        input: Int32?
    ) -> Result<Int32, ProcessFailure> {
        guard let path = command.first else { return .failure(.refused("posix_spawn", ENOENT)) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        if let input {
            posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
        } else {
            posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        }
        // What this process does with signals is no business of the child's.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) }
        arguments.append(nil)
        defer { for argument in arguments { free(argument) } }
        var child: pid_t = 0
        let failure = posix_spawn(&child, path, &actions, &attributes, arguments, environ)
        return failure == 0 ? .success(child) : .failure(.refused("posix_spawn", failure))
    }
}
