internal import Base

/// Finds names by their bytes: open addressing over one area, at most half full, so that a search ends after a step or two.
///
/// The names are the game's own, so nobody outside can choose them to collide; a name from outside is only looked for.
final class NameTable: Sendable {
    private let texts: [UInt8]
    private let cells: [Cell]

    private struct Cell: Sendable {
        var hash: UInt64 = 0
        var from = 0
        var count = -1
        var place = 0
    }

    init(_ names: [String]) {
        var size = 8
        while size < names.count * 2 { size *= 2 }
        var cells = Array(repeating: Cell(), count: size)
        var texts: [UInt8] = []
        for (place, name) in names.enumerated() {
            let bytes = Array(name.utf8)
            let hash = Self.hash(unsafe bytes.span.bytes)
            var index = Int(truncatingIfNeeded: hash) & (size - 1)
            while cells[index].count >= 0 { index = (index + 1) & (size - 1) }
            cells[index] = Cell(hash: hash, from: texts.count, count: bytes.count, place: place)
            texts += bytes
        }
        self.cells = cells
        self.texts = texts
    }

    /// The place of a name in the list.
    func place(of name: RawSpan) -> Int? {
        let hash = Self.hash(name)
        var index = Int(truncatingIfNeeded: hash) & (cells.count - 1)
        while cells[index].count >= 0 {
            let cell = cells[index]
            if cell.hash == hash, cell.count == name.byteCount, isSame(cell, name) { return cell.place }
            index = (index + 1) & (cells.count - 1)
        }
        return nil
    }

    private func isSame(_ cell: Cell, _ name: RawSpan) -> Bool {
        unsafe texts.withUnsafeBytes { texts in
            let text = unsafe UnsafeRawBufferPointer(rebasing: texts[cell.from..<cell.from + cell.count])
            var offset = 0
            // Both have as many bytes as the cell says; eight are compared at once.
            while offset &+ 8 <= cell.count {
                let word = unsafe text.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                guard unsafe name.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self) == word else {
                    return false
                }
                offset &+= 8
            }
            guard offset < cell.count else { return true }
            if cell.count >= 8 {
                // The word that ends with the name.
                let word = unsafe text.loadUnaligned(fromByteOffset: cell.count &- 8, as: UInt64.self)
                return unsafe name.unsafeLoadUnaligned(fromByteOffset: cell.count &- 8, as: UInt64.self) == word
            }
            while offset < cell.count {
                let byte = unsafe name.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
                guard unsafe text[offset] == byte else { return false }
                offset &+= 1
            }
            return true
        }
    }

    private static func hash(_ name: RawSpan) -> UInt64 {
        var hash = UInt64(truncatingIfNeeded: name.byteCount) &* 0x9E37_79B9_7F4A_7C15
        var offset = 0
        while offset &+ 8 <= name.byteCount {
            let word = unsafe name.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
            hash = (hash ^ word) &* 0xFF51_AFD7_ED55_8CCD
            hash ^= hash &>> 32
            offset &+= 8
        }
        if offset > 0, offset < name.byteCount {
            // The word that ends with the name; a part of it counts twice.
            let word = unsafe name.unsafeLoadUnaligned(fromByteOffset: name.byteCount &- 8, as: UInt64.self)
            hash = (hash ^ word) &* 0xFF51_AFD7_ED55_8CCD
            offset = name.byteCount
        }
        while offset < name.byteCount {
            hash = (hash ^ UInt64(unsafe name.unsafeLoad(fromByteOffset: offset, as: UInt8.self))) &* 0x100_0000_01B3
            offset &+= 1
        }
        return hash ^ hash &>> 29
    }
}
