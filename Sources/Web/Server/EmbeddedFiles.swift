import Base
import Crypto

/// Files that are part of the program: a console's pages, a client's script.
///
/// Tags and compressed forms are made once, at the start (about 20 ms per MB). A browser that has a file is told so by
/// 304; `Cache-Control` makes it ask each time, unless a file's path carries its version.
public struct EmbeddedFiles: Sendable {
    /// One file.
    public struct File: Sendable {
        /// Its path below the folder, such as `scripts/console.js`; `index.html` also answers for its folder.
        public var path: String
        /// What is in it.
        public var bytes: [UInt8]
        /// What it is; without one, its ending decides.
        public var type: MediaType
        /// Whether the path changes with every version, so that nobody ever has to ask again.
        public var isVersioned: Bool

        /// Names a file.
        public init(_ path: String, _ bytes: [UInt8], type: MediaType? = nil, isVersioned: Bool = false) {
            self.path = path
            self.bytes = bytes
            self.type = type ?? .of(fileName: path)
            self.isVersioned = isVersioned
        }
    }

    private struct Form: Sendable {
        let bytes: SharedBytes
        let tag: String
    }

    private struct Entry: Sendable {
        let type: MediaType
        let cacheControl: String
        let plain: Form
        /// Where it is smaller. It has a tag of its own, because a strong tag names bytes.
        let gzip: Form?
    }

    private var entries: [String: Entry] = [:]

    /// Prepares the files.
    public init(_ files: [File]) {
        for file in files {
            precondition(entries[file.path] == nil, "two embedded files have the path \(file.path)")
            let tag = Self.tag(of: file.bytes)
            let small = Gzip.compress(file.bytes).flatMap { $0.count < file.bytes.count ? $0 : nil }
            let entry = Entry(
                type: file.type,
                cacheControl: file.isVersioned ? "public, max-age=31536000, immutable" : "no-cache",
                plain: Form(bytes: SharedBytes(file.bytes), tag: "\"\(tag)\""),
                gzip: small.map { Form(bytes: SharedBytes($0), tag: "\"\(tag)-gzip\"") }
            )
            entries[file.path] = entry
            if let folder = Self.folder(ofIndex: file.path) { entries[folder] = entry }
        }
    }

    /// Half of SHA-256: enough that no two files of ours will ever share it.
    private static func tag(of bytes: [UInt8]) -> String {
        let digest = unsafe bytes.withUnsafeBytes { HashAlgorithm.sha256.hash(unsafe RawSpan(_unsafeBytes: $0)) }
        var text = ByteBuffer(capacity: 32)
        Hex.append(digest.bytes.extracting(first: 16), to: &text)
        return text.bytes.text() ?? ""
    }

    private static func folder(ofIndex path: String) -> String? {
        guard path == "index.html" || path.hasSuffix("/index.html") else { return nil }
        return String(path.dropLast("index.html".count))
    }

    /// Answers GET and HEAD for everything below a prefix such as `/console/`.
    public func add(to routes: inout Routes, below prefix: String = "/") {
        precondition(prefix.hasPrefix("/") && prefix.hasSuffix("/"), "a prefix is a folder, such as /console/")
        let files = self
        if entries[""] != nil { routes.get(prefix) { files.answer($0, path: "") } }
        routes.get(prefix + "{path...}") { exchange in files.answer(exchange, path: exchange.parameter(0) ?? "") }
    }

    /// Answers an exchange with the file of this path, or with 404.
    public func answer(_ exchange: Exchange, path: String) {
        guard let entry = entries[path] else { return exchange.respond(.notFound, "not found\n") }
        let form = Self.form(of: entry, for: exchange)
        var fields = [HTTPField("ETag", form.tag), HTTPField("Cache-Control", entry.cacheControl)]
        if entry.gzip != nil { fields.append(HTTPField("Vary", "Accept-Encoding")) }
        if let known = exchange.head.value(of: .ifNoneMatch),
            EntityTag.list(exchange.headBytes.slice(known), names: form.tag)
        {
            return exchange.respond(Response(.notModified, fields: fields))
        }
        if form.tag != entry.plain.tag { fields.append(HTTPField("Content-Encoding", "gzip")) }
        let bytes = form.bytes
        exchange.respond(Response(.ok, type: entry.type, fields: fields), body: bytes.bytes)
    }

    private static func form(of entry: Entry, for exchange: Exchange) -> Form {
        guard let gzip = entry.gzip, let accepted = exchange.head.value(of: .acceptEncoding),
            AcceptEncoding.quality(of: "gzip", in: exchange.headBytes.slice(accepted)) > 0
        else { return entry.plain }
        return gzip
    }
}
