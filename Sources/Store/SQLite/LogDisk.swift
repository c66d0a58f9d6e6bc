import CSQLite

/// How our files are written: a layer between SQLite and a file system that writes each commit in one call, and can sync
/// a database while it is written.
///
/// Proof of `@safe` and `@unchecked Sendable`: the pointer is made by `init` and freed by `deinit`, and what it points to
/// never changes. Whoever opens files on it holds it until they are closed.
@safe final class LogDisk: @unchecked Sendable {
    /// The layer above the machine's own file system.
    static let usual = LogDisk(over: nil)

    /// Settles what holds for all of SQLite in this process: once, and before anything else is asked of it.
    static let prepareSQLite: Void = gamekeeper_sqlite_count_no_memory()

    private let disk: OpaquePointer
    /// The name under which SQLite knows it.
    let name: String

    /// Makes the layer above a file system of this name.
    init(over below: String?) {
        Self.prepareSQLite
        let made =
            if let below { unsafe gamekeeper_log_disk_make(below) } else { unsafe gamekeeper_log_disk_make(nil) }
        guard let disk = unsafe made else { preconditionFailure("there is no memory for a disk") }
        unsafe self.disk = unsafe disk
        name = unsafe String(cString: gamekeeper_log_disk_name(disk))
    }

    deinit { unsafe gamekeeper_log_disk_free(disk) }
}
