import Base
import CSQLite
import Reactor
import Synchronization

/// A file that is ours while this lives: locked against other processes, of our schema, whole.
final class SQLiteFile: Sendable {
    let path: String
    /// Held because the files lie on it.
    let disk: FaultDisk?
    let limits: Limits.Store
    private let lock: FileLock
    private let bootNumber = Atomic<Int64>(0)
    private let wasFoundDamaged = Atomic<Bool>(false)

    /// What opening it has found out.
    struct Opened {
        let connection: SQLiteConnection
        /// Whether the file was closed in order before, or is new.
        let wasClean: Bool
        /// Whether the whole file was checked.
        let isChecked: Bool
    }

    /// Takes the file, or says whose it is. The database itself is not touched yet.
    init(_ path: String, disk: FaultDisk? = nil, limits: Limits.Store) throws(StoreTrouble) {
        guard sqlite3_libversion_number() >= 3_037_000 else { throw .oldLibrary }
        self.path = path
        self.disk = disk
        self.limits = limits
        // Never a lock on the file itself: closing any descriptor of it would drop SQLite's own locks.
        let taken: FileLock.Outcome
        do throws(FileRefusal) {
            taken = try FileLock.take(path + ".lock")
        } catch {
            throw error.problem == .noRoom || error.problem == .notAllowed ? .readOnly : .cannotOpen
        }
        guard case .held(let lock) = taken else { throw .inUse }
        self.lock = lock
    }

    /// Opens the connection that writes, makes or migrates the schema, and checks the file after an unclean stop.
    func open() throws(StoreTrouble) -> Opened {
        let (connection, _) = try migrate()
        let boot = try SQLiteMeta.boot.read(connection) + 1
        let wasClosed = try SQLiteMeta.clean.read(connection) == 1
        let wasClean = boot == 1 || wasClosed
        let bytes = try size(connection)
        let isChecked = !wasClean && bytes <= limits.checkedAtStartBytesMax
        if isChecked { try Self.check(connection) }
        try SQLiteMeta.boot.write(boot, connection)
        try SQLiteMeta.clean.write(0, connection)
        bootNumber.store(boot, ordering: .releasing)
        return Opened(connection: connection, wasClean: wasClean, isChecked: isChecked)
    }

    /// Makes the file if there is none, and brings it to our schema.
    ///
    /// - Returns: a connection, and the number of the schema that was there.
    func migrate() throws(StoreTrouble) -> (connection: SQLiteConnection, found: Int) {
        // Players' data is nobody else's to read; SQLite gives the files beside it the same mode. What keeps it from being
        // made here is said by SQLite next.
        if disk == nil { try? Files.makePrivate(path) }
        let connection = try connect()
        let found = try SQLiteSchema.found(in: connection)
        guard !connection.isReadOnly else { throw .readOnly }
        if found == 0 { try connection.run("PRAGMA page_size = 4096") }
        guard try connection.text("PRAGMA journal_mode = WAL") == "wal" else { throw .cannotOpen }
        try SQLiteSchema.migrate(connection, from: found)
        return (connection, found)
    }

    /// The number of the schema of a file that nobody has open, without changing a byte of it; 0 where there is none.
    static func look(_ path: String) throws(StoreTrouble) -> Int {
        guard sqlite3_libversion_number() >= 3_037_000 else { throw .oldLibrary }
        let (bytes, logBytes): (Int?, Int?)
        var taken: FileLock.Outcome?
        do throws(FileRefusal) {
            // Whoever has ever opened the file has made this one.
            if try Files.size(of: path + ".lock") != nil {
                taken = try FileLock.take(path + ".lock", makes: false)
            }
            (bytes, logBytes) = (try Files.size(of: path), try Files.size(of: path + "-wal"))
        } catch {
            throw .cannotOpen
        }
        if case .taken? = taken { throw .inUse }
        defer { if case .held(let lock)? = taken { lock.release() } }
        guard bytes ?? 0 > 0 || logBytes ?? 0 > 0 else { return 0 }
        // Where there is no log the file is all there is, and nothing is made beside it. A log is read and stays.
        let view: SQLiteConnection.View = logBytes ?? 0 > 0 ? .readOnly : .still
        return try SQLiteSchema.found(in: try SQLiteConnection(path, .init(view: view, isReader: true)))
    }

    /// Lets other processes have it. Every connection is closed by then.
    func release() { lock.release() }

    /// The number of this opening: leases of another one are void.
    var boot: Int64 { bootNumber.load(ordering: .acquiring) }

    /// Whether a check beside the work has found damage. Nothing is written then until a whole check has found none.
    var isDamaged: Bool {
        get { wasFoundDamaged.load(ordering: .acquiring) }
        set { wasFoundDamaged.store(newValue, ordering: .releasing) }
    }

    /// Checks a file that is too large to be checked before it is used, on a thread of its own.
    func checkBeside() {
        Thread(named: "store check") { [self] in
            do throws(StoreTrouble) {
                try Self.check(try connectReader())
            } catch {
                if error.isDamage { isDamaged = true }
            }
        }.detach()
    }

    /// Reads the whole file beside the work, with its indices.
    ///
    /// - Returns: what is wrong, a sentence each.
    func examine() throws(StoreTrouble) -> [String] {
        let find = try connectReader().prepare("PRAGMA integrity_check(20)")
        var flaws: [String] = []
        while try find.step() { flaws.append(find.text(0)) }
        return flaws == ["ok"] ? [] : flaws
    }

    /// Opens the connection that writes once more, in the same boot.
    func connect() throws(StoreTrouble) -> SQLiteConnection {
        let options = SQLiteConnection.Options(vfs: disk?.name, cacheBytes: limits.cacheBytes)
        let connection = try SQLiteConnection(path, options)
        try connection.configure(options)
        return connection
    }

    /// Opens a connection that reads.
    func connectReader() throws(StoreTrouble) -> SQLiteConnection {
        let options = SQLiteConnection.Options(vfs: disk?.name, cacheBytes: limits.cacheBytes / 4, isReader: true)
        let connection = try SQLiteConnection(path, options)
        try connection.configure(options)
        return connection
    }

    private func size(_ connection: SQLiteConnection) throws(StoreTrouble) -> Int {
        let pages = try connection.number("PRAGMA page_count") ?? 0
        let (bytes, overflow) = pages.multipliedReportingOverflow(by: 4_096)
        return overflow ? .max : Int(bytes)
    }

    /// Reads the whole file and throws `damaged` when it is not what was written.
    static func check(_ connection: SQLiteConnection) throws(StoreTrouble) {
        guard try connection.text("PRAGMA quick_check(1)") == "ok" else { throw .damaged }
        let newest = try connection.number("SELECT max(sequence) FROM head") ?? 0
        guard try newest <= connection.number("SELECT max(sequence) FROM log") ?? 0 else { throw .damaged }
    }
}
