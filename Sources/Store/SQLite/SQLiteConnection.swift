import Base
import CSQLite

/// One connection to a file, used by one thread at a time.
///
/// Proof of `@safe`: the handle is opened by `init`, closed by `deinit` alone, and never leaves this folder; statements
/// hold their connection, so it outlives them.
@safe final class SQLiteConnection {
    let handle: OpaquePointer
    /// Where SQLite notes after each commit how many pages the log has.
    private let logPagesNoted: UnsafeMutablePointer<Int32>

    /// How a connection is opened.
    struct Options {
        /// The virtual file system, where it is not the machine's own: what a fake disk is.
        var vfs: String?
        var cacheBytes = Limits.Store().cacheBytes
        /// How much of the file it may touch.
        var view = View.whole
        /// Whether it may only read.
        var isReader = false
    }

    /// How much of the file, and of those beside it, a connection may touch.
    enum View: Sendable {
        /// Reading needs files beside it, which are made and removed.
        case whole
        /// Nothing is written into the file and its log.
        case readOnly
        /// Nobody writes at the same time and there is no log: nothing is made beside it either.
        case still
    }

    /// Opens a file, which is made if there is none and the connection may write.
    init(_ path: String, _ options: Options) throws(StoreTrouble) {
        var flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
        flags |= options.view == .whole ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY
        if !options.isReader { flags |= SQLITE_OPEN_CREATE }
        var path = path
        if options.view == .still {
            flags |= SQLITE_OPEN_URI
            path = (path.hasPrefix("/") ? "file://" : "file:") + Self.escaped(path) + "?immutable=1"
        }
        var opened: OpaquePointer?
        let code =
            if let vfs = options.vfs {
                unsafe sqlite3_open_v2(path, &opened, flags, vfs)
            } else {
                unsafe sqlite3_open_v2(path, &opened, flags, nil)
            }
        guard let handle = unsafe opened else { throw .noMemory }
        guard code == SQLITE_OK else {
            let trouble = unsafe StoreTrouble(code, in: handle)
            unsafe sqlite3_close_v2(handle)
            throw trouble
        }
        unsafe self.handle = unsafe handle
        unsafe logPagesNoted = .allocate(capacity: 1)
        unsafe logPagesNoted.initialize(to: 0)
        // Whoever else has the file (a checkpoint of ours, a curious operator) is waited for a little.
        unsafe sqlite3_busy_timeout(handle, 2_000)
        unsafe gamekeeper_sqlite_configure(handle, SQLITE_DBCONFIG_DEFENSIVE, 1)
    }

    /// A path as a URI has it.
    private static func escaped(_ path: String) -> String {
        path.utf8.reduce(into: "") { text, byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "-")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                text.unicodeScalars.append(Unicode.Scalar(byte))
            default: text += (byte < 16 ? "%0" : "%") + String(byte, radix: 16)
            }
        }
    }

    deinit {
        unsafe gamekeeper_sqlite_watch_log(handle, nil)
        unsafe sqlite3_close_v2(handle)
        unsafe logPagesNoted.deallocate()
    }

    /// What every connection of ours is set to.
    func configure(_ options: Options) throws(StoreTrouble) {
        // FULL: a commit is on the disk when it returns. Checkpoints are the checkpointer's, so none happens inside of a
        // commit. No memory mapping: a failing disk would then be a signal instead of an error.
        try run("PRAGMA synchronous = FULL")
        try run("PRAGMA wal_autocheckpoint = 0")
        try run("PRAGMA mmap_size = 0")
        try run("PRAGMA temp_store = MEMORY")
        try run("PRAGMA trusted_schema = OFF")
        try run("PRAGMA cache_size = -\(options.cacheBytes / 1_024)")
        if options.isReader { try run("PRAGMA query_only = ON") }
        // After the pragma about automatic checkpoints, which uses the same hook.
        unsafe gamekeeper_sqlite_watch_log(handle, logPagesNoted)
    }

    /// Runs statements that give nothing back.
    func run(_ text: String) throws(StoreTrouble) {
        let code = unsafe sqlite3_exec(handle, text, nil, nil, nil)
        if code != SQLITE_OK { throw unsafe StoreTrouble(code, in: handle) }
    }

    /// Prepares a statement for many uses.
    func prepare(_ text: String) throws(StoreTrouble) -> SQLiteStatement { try SQLiteStatement(text, on: self) }

    /// The number in the first column of the first row; `nil` when there is no row.
    func number(_ text: String) throws(StoreTrouble) -> Int64? {
        let statement = try prepare(text)
        return try statement.step() ? statement.number(0) : nil
    }

    /// The text in the first column of the first row.
    func text(_ text: String) throws(StoreTrouble) -> String? {
        let statement = try prepare(text)
        return try statement.step() ? String(decoding: statement.bytes(0), as: UTF8.self) : nil
    }

    /// Whether a transaction is open. An error may have ended it.
    var isInTransaction: Bool { unsafe sqlite3_get_autocommit(handle) == 0 }

    /// Whether the file can only be read.
    var isReadOnly: Bool { unsafe sqlite3_db_readonly(handle, "main") == 1 }

    /// Undoes the open transaction, if there is one.
    func rollback() {
        guard isInTransaction else { return }
        // It cannot fail in a way that leaves the transaction open, and there is nobody to tell.
        unsafe sqlite3_exec(handle, "ROLLBACK", nil, nil, nil)
    }

    /// Pages that the log had after the last commit of this connection.
    var logPages: Int { unsafe Int(logPagesNoted.pointee) }

    /// What a checkpoint has left.
    struct Checkpointed {
        /// Pages in the log.
        let pages: Int
        /// Pages of them that are in the database now.
        let copied: Int
    }

    /// Copies what it can of the log into the database without waiting for anybody; or, if it is to be whole, waits for
    /// readers and copies everything, after which the log is empty.
    func checkpoint(isWhole: Bool = false) throws(StoreTrouble) -> Checkpointed {
        let mode = isWhole ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE
        var pages: Int32 = 0
        var copied: Int32 = 0
        let code = unsafe sqlite3_wal_checkpoint_v2(handle, "main", mode, &pages, &copied)
        guard code == SQLITE_OK else { throw unsafe StoreTrouble(code, in: handle) }
        return Checkpointed(pages: Int(pages), copied: Int(copied))
    }

    /// Has the database file on the disk when it returns.
    func syncDatabase() throws(StoreTrouble) {
        let code = unsafe gamekeeper_sqlite_sync_database(handle)
        if code != SQLITE_OK { throw .inputOutput(code) }
    }
}

extension StoreTrouble {
    /// Names what SQLite says.
    init(_ code: Int32, in handle: OpaquePointer?) {
        switch code & 0xFF {
        case SQLITE_FULL: self = .diskFull
        case SQLITE_READONLY, SQLITE_PERM: self = .readOnly
        case SQLITE_CANTOPEN: self = .cannotOpen
        // SQLITE_IOERR_NOMEM is an expression in C, which Swift does not see.
        case SQLITE_IOERR: self = code >> 8 == 12 ? .noMemory : .inputOutput(code)
        case SQLITE_CORRUPT: self = .damaged
        case SQLITE_NOTADB: self = .foreignFile
        case SQLITE_BUSY, SQLITE_LOCKED: self = .inUse
        case SQLITE_NOMEM: self = .noMemory
        default:
            let words = unsafe handle.flatMap { unsafe sqlite3_errmsg($0) }.map { unsafe String(cString: $0) }
            self = .other(code, words ?? "SQLite failed")
        }
    }
}
