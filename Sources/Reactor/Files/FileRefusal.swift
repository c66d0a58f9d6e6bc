import Glibc

/// Why a file or folder could not be read, written or made: which, and what was wrong.
public struct FileRefusal: Error, Equatable, Sendable {
    /// Which one.
    public let path: String
    /// What was wrong.
    public let problem: Problem

    /// Names a refusal.
    public init(_ path: String, _ problem: Problem) {
        self.path = path
        self.problem = problem
    }

    /// What was wrong.
    public enum Problem: Equatable, Sendable {
        /// There is none.
        case notFound
        /// This process may not.
        case notAllowed
        /// It is a folder, a pipe or a device, where a file is wanted; or a file where a folder is.
        case otherKind
        /// It has more bytes than the caller reads.
        case tooLarge(max: Int)
        /// It holds a secret, and others may read or change it: its mode is this.
        case exposed(mode: UInt32)
        /// The disk is full, or this user's share of it, or the disk is read-only.
        case noRoom
        /// The path is empty, too long, or has a zero byte.
        case badPath
        /// Anything else, by the system's number.
        case system(Int32)
    }

    init(_ path: String, errno number: Int32) {
        let problem: Problem =
            switch number {
            case ENOENT: .notFound
            case EACCES, EPERM: .notAllowed
            case EISDIR, ENOTDIR, EEXIST, ELOOP: .otherKind
            case ENOSPC, EDQUOT, EROFS, EFBIG: .noRoom
            case ENAMETOOLONG: .badPath
            default: .system(number)
            }
        self.init(path, problem)
    }
}

extension FileRefusal: CustomStringConvertible {
    /// One line for the operator.
    public var description: String { "\(path): \(problem.words)" }
}

extension FileRefusal.Problem {
    /// The problem in words.
    public var words: String {
        switch self {
        case .notFound: "there is no such file or folder"
        case .notAllowed: "this user may not do that"
        case .otherKind: "it is not of the kind that is wanted here"
        case .tooLarge(let max): "it has more than \(max) bytes"
        case .exposed(let mode): "it holds a secret and others may reach it (mode \(String(mode, radix: 8))): chmod 600"
        case .noRoom: "the disk is full or read-only"
        case .badPath: "the path is empty, too long, or has a zero byte"
        case .system(let number): String(cString: strerror(number))
        }
    }
}
