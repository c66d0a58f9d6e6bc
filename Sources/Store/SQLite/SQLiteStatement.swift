import Base
import CSQLite

/// A prepared statement, run again and again: bind, step, read, reset.
///
/// Proof of `@safe`: the handle is finalised by `deinit` alone, bytes are copied on the way in and on the way out, and the
/// connection is held.
@safe final class SQLiteStatement {
    private let handle: OpaquePointer
    private let connection: SQLiteConnection

    init(_ text: String, on connection: SQLiteConnection) throws(StoreTrouble) {
        var prepared: OpaquePointer?
        let code = unsafe sqlite3_prepare_v3(
            connection.handle,
            text,
            -1,
            UInt32(SQLITE_PREPARE_PERSISTENT),
            &prepared,
            nil
        )
        guard code == SQLITE_OK, let handle = unsafe prepared else {
            throw unsafe StoreTrouble(code, in: connection.handle)
        }
        unsafe self.handle = unsafe handle
        self.connection = connection
    }

    deinit { unsafe sqlite3_finalize(handle) }

    // MARK: In. Places begin at 1; a bad place or no memory shows at the step.

    func bind(_ place: Int32, _ number: Int64) { unsafe sqlite3_bind_int64(handle, place, number) }

    func bind(_ place: Int32, _ number: Int64?) {
        if let number { bind(place, number) } else { unsafe sqlite3_bind_null(handle, place) }
    }

    func bind(_ place: Int32, text: [UInt8]) {
        unsafe text.withUnsafeBytes { bytes in
            _ = unsafe gamekeeper_sqlite_bind_text(handle, place, bytes.baseAddress, Int32(bytes.count))
        }
    }

    func bind(_ place: Int32, blob: [UInt8]) {
        unsafe blob.withUnsafeBytes { bytes in
            _ = unsafe gamekeeper_sqlite_bind_blob(handle, place, bytes.baseAddress, Int32(bytes.count))
        }
    }

    // MARK: Running

    /// Goes to the next row.
    ///
    /// - Returns: whether there is one.
    func step() throws(StoreTrouble) -> Bool {
        let code = unsafe sqlite3_step(handle)
        switch code {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default:
            let trouble = unsafe StoreTrouble(code, in: connection.handle)
            reset()
            throw trouble
        }
    }

    /// Runs to its end, for statements without rows.
    func run() throws(StoreTrouble) {
        while try step() {}
        reset()
    }

    /// Makes it ready to be bound and run again, and lets go of what it holds of the file.
    func reset() { unsafe sqlite3_reset(handle) }

    // MARK: Out. Columns begin at 0; each is valid until the next step.

    func number(_ column: Int32) -> Int64 { unsafe sqlite3_column_int64(handle, column) }

    func optionalNumber(_ column: Int32) -> Int64? {
        unsafe sqlite3_column_type(handle, column) == SQLITE_NULL ? nil : number(column)
    }

    /// A copy of a blob or of a text's UTF-8.
    func bytes(_ column: Int32) -> [UInt8] {
        guard let start = unsafe sqlite3_column_blob(handle, column) else { return [] }
        let count = unsafe Int(sqlite3_column_bytes(handle, column))
        return unsafe [UInt8](UnsafeRawBufferPointer(start: start, count: count))
    }

    /// Whether a blob or a text is these bytes, without copying it.
    func holds(_ column: Int32, _ bytes: [UInt8]) -> Bool {
        guard let start = unsafe sqlite3_column_blob(handle, column) else { return bytes.isEmpty }
        let count = unsafe Int(sqlite3_column_bytes(handle, column))
        return unsafe UnsafeRawBufferPointer(start: start, count: count).elementsEqual(bytes)
    }

    /// Appends a text's UTF-8 from a byte on.
    func append(_ column: Int32, from first: Int, to out: inout [UInt8]) {
        guard let start = unsafe sqlite3_column_blob(handle, column) else { return }
        let all = unsafe UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column)))
        unsafe out.append(contentsOf: all.dropFirst(first))
    }

    func text(_ column: Int32) -> String { String(decoding: bytes(column), as: UTF8.self) }

    func time(_ column: Int32) -> WallTime { WallTime(nanoseconds: number(column)) }
}
