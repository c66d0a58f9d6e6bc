import Base
import Glibc
import Synchronization

/// A file that one process at a time holds, until it is released or this goes. The kernel lets go when the process ends, however
/// it ends.
///
/// The file stays when the lock goes: removing it would let two processes hold two files of one name.
public final class FileLock: Sendable {
    /// -1 when it has been let go.
    private let descriptor: Atomic<Int32>

    /// What became of the try.
    public enum Outcome: Sendable {
        /// It is ours.
        case held(FileLock)
        /// Another process has it, or another object of this one.
        case taken
    }

    private init(_ descriptor: Int32) { self.descriptor = Atomic(descriptor) }

    deinit { release() }

    /// Lets go. Doing it twice does no harm.
    public func release() {
        let held = descriptor.exchange(-1, ordering: .acquiringAndReleasing)
        guard held >= 0 else { return }
        // Said outright: a child that is being started has the descriptor until it becomes another program.
        flock(held, LOCK_UN)
        close(held)
    }

    /// Takes the lock if nobody holds it. The file is made if there is none, unless `makes` says otherwise. Never waits.
    ///
    /// - Throws: why the file cannot be opened.
    public static func take(_ path: String, makes: Bool = true) throws(FileRefusal) -> Outcome {
        try Files.check(path)
        let descriptor = open(path, O_RDWR | (makes ? O_CREAT : 0) | O_CLOEXEC | O_NOFOLLOW, mode_t(0o600))
        guard descriptor >= 0 else { throw FileRefusal(path, errno: errno) }
        var result: Int32 = 0
        repeat { result = flock(descriptor, LOCK_EX | LOCK_NB) } while result != 0 && errno == EINTR
        guard result != 0 else { return .held(FileLock(descriptor)) }
        let failure = errno
        close(descriptor)
        if failure == EWOULDBLOCK { return .taken }
        throw FileRefusal(path, errno: failure)
    }
}
