import Glibc

/// A file that is read whole before the process serves: configuration, a secret. It may block, so no loop does it.
public enum SmallFile {
    /// Why a file was not read.
    public enum Refusal: Error, Equatable, Sendable {
        /// There is none of this name.
        case missing
        /// The process may not read it.
        case notPermitted
        /// It is longer than was asked for.
        case tooLong(bytesMax: Int)
        /// It is a folder, or the disk failed: the system's number.
        case unreadable(Int32)
    }

    /// Reads a file.
    ///
    /// - Throws: `Refusal`; nothing was read.
    public static func read(_ path: String, bytesMax: Int) throws(Refusal) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            switch errno {
            case ENOENT, ENOTDIR: throw .missing
            case EACCES, EPERM: throw .notPermitted
            default: throw .unreadable(errno)
            }
        }
        defer { close(file) }
        var bytes: [UInt8] = []
        var fault: Int32 = 0
        while bytes.count <= bytesMax, fault == 0 {
            let room = min(64 << 10, bytesMax + 1 - bytes.count)
            let piece = [UInt8](unsafeUninitializedCapacity: room) { memory, count in
                let got = Glibc.read(file, memory.baseAddress, room)
                if got < 0, errno != EINTR { fault = errno }
                if got == 0 { fault = -1 }
                count = max(0, got)
            }
            bytes += piece
        }
        guard fault <= 0 else { throw .unreadable(fault) }
        guard bytes.count <= bytesMax else { throw .tooLong(bytesMax: bytesMax) }
        return bytes
    }
}
