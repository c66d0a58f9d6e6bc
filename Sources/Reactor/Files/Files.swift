public import Base
import Glibc

/// Small files, read and written whole. Every call may block for as long as the disk does: call it at start, from a
/// command, or on the `BlockingPool`, never on a loop.
public enum Files {
    /// Who may read and write what is there.
    public enum Privacy: Sendable {
        /// Whoever the file's mode lets.
        case any
        /// Its owner alone. A file that others may read or change is refused, as a secret that has got out.
        case owner
    }

    /// Reads a whole file.
    ///
    /// - Throws: why not. A file that grows past `bytesMax` while it is read is `tooLarge` too; a pipe, device or folder
    ///   is `otherKind`, and nothing waits for one.
    public static func read(
        _ path: String,
        bytesMax: Int,
        privacy: Privacy = .any
    ) throws(FileRefusal) -> ByteBuffer {
        let file = try OpenFile(path, O_RDONLY | O_NONBLOCK)
        let status = try file.status()
        guard status.st_mode & S_IFMT == S_IFREG else { throw FileRefusal(path, .otherKind) }
        let mode = UInt32(status.st_mode) & 0o777
        if privacy == .owner, mode & 0o077 != 0 { throw FileRefusal(path, .exposed(mode: mode)) }
        guard status.st_size <= bytesMax else { throw FileRefusal(path, .tooLarge(max: bytesMax)) }
        var bytes = ByteBuffer(capacity: Int(status.st_size) + 1)
        while true {
            let count = try file.read(into: &bytes, atMost: min(64 << 10, bytesMax + 1 - bytes.count))
            guard count > 0 else { return bytes }
            guard bytes.count <= bytesMax else { throw FileRefusal(path, .tooLarge(max: bytesMax)) }
        }
    }

    /// Makes a file hold exactly these bytes, readable and writable by its owner alone.
    ///
    /// Whoever reads sees all of the old bytes or all of the new ones, also after a power cut: they are written to a
    /// temporary file beside it, which is synced and renamed over it, and then the folder is synced. When this returns,
    /// the bytes are on the disk.
    ///
    /// - Throws: why not. Until the rename the old file is untouched and the temporary one removed. An error after the
    ///   rename means that the new file is there but may not outlive a power cut: the caller may write it again.
    public static func replace(_ path: String, with bytes: RawSpan) throws(FileRefusal) {
        let file = try openTemporary(beside: path)
        let temporary = file.path
        do throws(FileRefusal) {
            try file.write(bytes)
            try file.sync()
            guard rename(temporary, path) == 0 else { throw FileRefusal(path, errno: errno) }
        } catch {
            unlink(temporary)
            throw error
        }
        try syncFolder(of: path)
    }

    /// Makes an empty file that its owner alone may read and write. One that is there already stays as it is.
    ///
    /// - Throws: why not.
    public static func makePrivate(_ path: String) throws(FileRefusal) {
        try check(path)
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode_t(0o600))
        if descriptor >= 0 {
            close(descriptor)
        } else if errno != EEXIST {
            throw FileRefusal(path, errno: errno)
        }
    }

    /// Makes a folder that its owner alone may enter, and those above it that are missing. One that is there already
    /// stays as it is.
    ///
    /// - Throws: why not; `otherKind` when something else has the name.
    public static func makeFolder(_ path: String) throws(FileRefusal) {
        try check(path)
        if mkdir(path, 0o700) == 0 { return try syncFolder(of: path) }
        switch errno {
        case EEXIST:
            var status = stat()
            guard stat(path, &status) == 0 else { throw FileRefusal(path, errno: errno) }
            guard status.st_mode & S_IFMT == S_IFDIR else { throw FileRefusal(path, .otherKind) }
        case ENOENT:
            let above = folder(of: path)
            guard above != path, above != "." else { throw FileRefusal(path, .notFound) }
            try makeFolder(above)
            guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw FileRefusal(path, errno: errno) }
            try syncFolder(of: path)
        default:
            throw FileRefusal(path, errno: errno)
        }
    }

    /// Removes a file. One that is not there is no error.
    ///
    /// - Throws: why not.
    public static func remove(_ path: String) throws(FileRefusal) {
        try check(path)
        guard unlink(path) == 0 || errno == ENOENT else { throw FileRefusal(path, errno: errno) }
    }

    /// Removes a socket that a process has left behind. What is not there is no error.
    ///
    /// - Throws: why not; `otherKind` when something else has the name, which is left alone.
    public static func removeSocket(_ path: String) throws(FileRefusal) {
        try check(path)
        var status = stat()
        guard lstat(path, &status) == 0 else {
            if errno == ENOENT { return }
            throw FileRefusal(path, errno: errno)
        }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw FileRefusal(path, .otherKind) }
        try remove(path)
    }

    /// The path from the root, without links and detours: the same text for the same file.
    ///
    /// - Returns: `nil` where there is none, or it cannot be reached.
    public static func wholePath(_ path: String) -> String? {
        guard !path.utf8.contains(0), let found = realpath(path, nil) else { return nil }
        defer { free(found) }
        return String(cString: found)
    }

    /// How many bytes a file has; `nil` where there is none.
    ///
    /// - Throws: why that cannot be told.
    public static func size(of path: String) throws(FileRefusal) -> Int? {
        try check(path)
        var status = stat()
        if stat(path, &status) == 0 { return Int(status.st_size) }
        if errno == ENOENT { return nil }
        throw FileRefusal(path, errno: errno)
    }

    // MARK: Parts

    /// The folder that a path lies in; `.` for a bare name.
    static func folder(of path: String) -> String {
        var parts = Substring(path)
        while parts.count > 1, parts.last == "/" { parts.removeLast() }
        guard let slash = parts.lastIndex(of: "/") else { return "." }
        var above = parts[..<slash]
        while above.count > 1, above.last == "/" { above.removeLast() }
        return above.isEmpty ? "/" : String(above)
    }

    static func check(_ path: String) throws(FileRefusal) {
        guard !path.isEmpty, path.utf8.count < Int(PATH_MAX), !path.utf8.contains(0) else {
            throw FileRefusal(path, .badPath)
        }
    }

    /// A file beside the other that nobody has opened. A name that somebody has taken is left to him and another tried.
    private static func openTemporary(beside path: String) throws(FileRefusal) -> OpenFile {
        let triesMax = 8
        var entropy = SystemEntropy()
        var last = FileRefusal(path, .otherKind)
        for _ in 0..<triesMax {
            let name = "\(path).\(String(entropy.next(), radix: 36)).new"
            do throws(FileRefusal) {
                return try OpenFile(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
            } catch {
                guard error.problem == .otherKind else { throw FileRefusal(path, error.problem) }
                last = FileRefusal(path, error.problem)
            }
        }
        throw last
    }

    private static func syncFolder(of path: String) throws(FileRefusal) {
        try OpenFile(folder(of: path), O_RDONLY | O_DIRECTORY).sync()
    }
}

/// An open descriptor that closes itself. Every call may block.
struct OpenFile: ~Copyable {
    let path: String
    private let descriptor: Int32

    init(_ path: String, _ flags: Int32, mode: mode_t = 0) throws(FileRefusal) {
        try Files.check(path)
        var opened: Int32 = -1
        repeat { opened = open(path, flags | O_CLOEXEC, mode) } while opened < 0 && errno == EINTR
        guard opened >= 0 else { throw FileRefusal(path, errno: errno) }
        self.path = path
        descriptor = opened
    }

    deinit { close(descriptor) }

    func status() throws(FileRefusal) -> stat {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw FileRefusal(path, errno: errno) }
        return status
    }

    /// Appends at most so many bytes; 0 at the end.
    func read(into bytes: inout ByteBuffer, atMost max: Int) throws(FileRefusal) -> Int {
        var count = -1
        var failure: Int32 = 0
        repeat {
            bytes.append(uninitialized: max) { room in
                count = Glibc.read(descriptor, room.baseAddress, room.count)
                failure = count < 0 ? errno : 0
                return Swift.max(0, count)
            }
        } while failure == EINTR
        guard count >= 0 else { throw FileRefusal(path, errno: failure) }
        return count
    }

    func write(_ bytes: RawSpan) throws(FileRefusal) {
        try bytes.withUnsafeBytes { (all) throws(FileRefusal) in
            var rest = all
            while rest.count > 0 {
                let count = Glibc.write(descriptor, rest.baseAddress, rest.count)
                guard count >= 0 || errno == EINTR else { throw FileRefusal(path, errno: errno) }
                rest = UnsafeRawBufferPointer(rebasing: rest[max(0, count)...])
            }
        }
    }

    /// Waits until what was written is on the disk. An error is final: the kernel may have dropped the bytes.
    func sync() throws(FileRefusal) {
        guard fsync(descriptor) == 0 else { throw FileRefusal(path, errno: errno) }
    }
}
