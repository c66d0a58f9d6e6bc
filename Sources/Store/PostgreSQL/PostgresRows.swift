import Base
import CPostgres

/// What a statement has brought, in the server's binary form.
///
/// Proof of `@safe`: the result is cleared by `deinit` alone, every place is checked against its size, and bytes are copied
/// out. It is read by one thread, the loop of its connection.
@safe final class PostgresRows {
    private let handle: OpaquePointer
    /// How many there are.
    let count: Int
    private let columns: Int

    init(_ handle: OpaquePointer) {
        unsafe self.handle = unsafe handle
        count = unsafe Int(PQntuples(handle))
        columns = unsafe Int(PQnfields(handle))
    }

    deinit { unsafe PQclear(handle) }

    func isNull(_ row: Int, _ column: Int) -> Bool {
        guard row < count, column < columns else { return true }
        return unsafe PQgetisnull(handle, Int32(row), Int32(column)) != 0
    }

    /// A whole number of 2, 4 or 8 bytes; 0 for what is none.
    func number(_ row: Int, _ column: Int) -> Int64 {
        unsafe withBytes(row, column) { bytes in
            guard let first = unsafe bytes.first, bytes.count <= 8 else { return 0 }
            return unsafe bytes.reduce(first & 0x80 == 0 ? 0 : -1) { $0 << 8 | Int64($1) }
        }
    }

    func optionalNumber(_ row: Int, _ column: Int) -> Int64? {
        isNull(row, column) ? nil : number(row, column)
    }

    func time(_ row: Int, _ column: Int) -> WallTime { WallTime(nanoseconds: number(row, column)) }

    func bytes(_ row: Int, _ column: Int) -> [UInt8] { unsafe withBytes(row, column) { unsafe Array($0) } }

    func text(_ row: Int, _ column: Int) -> String {
        unsafe withBytes(row, column) { unsafe String(decoding: $0, as: UTF8.self) }
    }

    /// How many rows were written, where rows were written.
    var written: Int {
        guard let text = unsafe PQcmdTuples(handle) else { return 0 }
        return unsafe Int(String(cString: text)) ?? 0
    }

    private func withBytes<Result>(_ row: Int, _ column: Int, _ read: (UnsafeRawBufferPointer) -> Result) -> Result {
        guard !isNull(row, column), let start = unsafe PQgetvalue(handle, Int32(row), Int32(column)) else {
            return unsafe read(UnsafeRawBufferPointer(start: nil, count: 0))
        }
        let length = unsafe Int(PQgetlength(handle, Int32(row), Int32(column)))
        return unsafe read(UnsafeRawBufferPointer(start: start, count: length))
    }
}
