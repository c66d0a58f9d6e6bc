import Foundation

/// One text of the repository, by its path from the root.
struct Page {
    let path: String
    let lines: [Substring]

    init(path: String, text: String) {
        self.path = path
        lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    }

    var name: Substring { path.split(separator: "/").last ?? "" }

    /// The room of `Sources/Room/…`.
    var room: Substring? {
        let parts = path.split(separator: "/")
        return parts.count > 2 && parts[0] == "Sources" ? parts[1] : nil
    }
}

/// A rule that a line breaks.
struct Finding: Equatable, CustomStringConvertible {
    let path: String
    let line: Int
    let advice: String

    var description: String { "\(path):\(line): \(advice)" }
}

/// The repository as it lies on the disk.
enum Tree {
    static let root = URL(filePath: #filePath).appending(path: "../../..").standardized

    /// All files under a folder with one of these endings, by path; build folders and hidden ones left out.
    static func pages(under folder: String, ending endings: String...) throws -> [Page] {
        let base = folder.isEmpty ? root : root.appending(path: folder)
        let names = FileManager.default.enumerator(atPath: base.path())?.compactMap { $0 as? String } ?? []
        return try names.sorted()
            .filter { name in endings.contains { name.hasSuffix($0) } }
            .filter { !$0.hasPrefix(".") && !$0.contains("/.") }
            .map { name in
                let path = folder.isEmpty ? name : "\(folder)/\(name)"
                return try page(path)
            }
    }

    static func page(_ path: String) throws -> Page {
        Page(path: path, text: try String(contentsOf: root.appending(path: path), encoding: .utf8))
    }

    static func exists(_ path: String) -> Bool {
        FileManager.default.fileExists(atPath: root.appending(path: path).path())
    }

    static func folders(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: root.appending(path: folder).path())
            .filter { !$0.hasPrefix(".") }.sorted()
    }
}
