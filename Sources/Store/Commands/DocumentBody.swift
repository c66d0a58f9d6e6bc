public import Base
public import Wire

/// A document's value as it is stored: CBOR with sorted keys and shortest numbers, so that equal values have equal bytes.
///
/// One that exists has passed its checks: the writer looks into none but those it increments.
public struct DocumentBody: Hashable, Sendable {
    /// The bytes.
    public let bytes: [UInt8]

    /// Encodes a value.
    ///
    /// - Throws: `StoreRefusal.badBody` for NaN, infinities and what is nested too deep, `.tooLarge` past
    ///   `bodyBytesMax`.
    public init(_ value: Value, limits: Limits.Store = Limits.Store()) throws(StoreRefusal) {
        try BodyFlaw.check(value, depthLeft: limits.bodyDepthMax)
        var buffer = ByteBuffer()
        do throws(WireError) {
            try value.write(.cbor, to: &buffer)
        } catch {
            throw .badBody(.unwritable)
        }
        guard buffer.count <= limits.bodyBytesMax else { throw .tooLarge(.body, max: limits.bodyBytesMax) }
        bytes = buffer.array()
    }

    /// Takes in CBOR that somebody else has written: it is read, checked and written again in our form.
    ///
    /// - Throws: as `init(_:limits:)`, and `StoreRefusal.badBody(.malformed)`.
    public init(checking cbor: RawSpan, limits: Limits.Store = Limits.Store()) throws(StoreRefusal) {
        guard cbor.byteCount <= limits.bodyBytesMax else { throw .tooLarge(.body, max: limits.bodyBytesMax) }
        let value: Value
        do throws(WireError) { value = try Value(cbor, as: .cbor) } catch { throw .badBody(.malformed) }
        try self.init(value, limits: limits)
    }

    /// Takes what an engine has stored.
    init(stored bytes: [UInt8]) { self.bytes = bytes }

    /// A whole number.
    init(number: Int64) {
        var buffer = ByteBuffer(capacity: 9)
        var writer = CBORWriter()
        // Numbers are written in any place; the writer throws for mistakes in the order of containers.
        do throws(WireError) { try writer.int64(number, to: &buffer) } catch { preconditionFailure("\(error)") }
        bytes = buffer.array()
    }

    /// The value. `nil` when the bytes are none, which means that what is stored is damaged.
    public var value: Value? {
        do throws(WireError) { return try Value(unsafe bytes.span.bytes, as: .cbor) } catch { return nil }
    }

    /// The value if it is a whole number of 64 bits.
    var number: Int64? { if case .int(let number)? = value { number } else { nil } }
}

/// What is wrong with a value.
public enum BodyFlaw: Hashable, Sendable {
    /// It has a number that is not one, or is infinite.
    case notFinite
    /// It has more containers within each other than `bodyDepthMax`.
    case tooDeep
    /// The bytes are not CBOR that a value can hold.
    case malformed
    /// It does not fit the type that the game reads it as.
    case otherShape
    /// It cannot be written.
    case unwritable

    static func check(_ value: Value, depthLeft: Int) throws(StoreRefusal) {
        switch value {
        case .double(let number):
            guard number.isFinite else { throw .badBody(.notFinite) }
        case .array(let values):
            guard depthLeft > 0 else { throw .badBody(.tooDeep) }
            for value in values { try check(value, depthLeft: depthLeft - 1) }
        case .object(let object):
            guard depthLeft > 0 else { throw .badBody(.tooDeep) }
            for entry in object.entries { try check(entry.value, depthLeft: depthLeft - 1) }
        default: break
        }
    }
}

/// What is written beside a document: metadata of the game's, and the ids of the users whom it concerns.
///
/// Each write replaces it, as Roblox's does: what is not given again is gone.
public struct DocumentNotes: Hashable, Sendable {
    /// Nothing.
    public static let none = DocumentNotes(stored: [])

    /// CBOR `{"m": metadata, "u": ids}`; empty when there is neither.
    let bytes: [UInt8]

    /// Encodes notes.
    ///
    /// - Throws: `StoreRefusal` for what is too much, a bad name among the ids, or a number that is not finite.
    public init(
        metadata: Value.Object = Value.Object(),
        userIDs: [String] = [],
        limits: Limits.Store = Limits.Store()
    ) throws(StoreRefusal) {
        guard metadata.count > 0 || !userIDs.isEmpty else {
            bytes = []
            return
        }
        guard userIDs.count <= limits.userIDsMax else { throw .tooLarge(.userIDs, max: limits.userIDsMax) }
        for id in userIDs { try NameFlaw.check(id, charactersMax: limits.nameCharactersMax) }
        var all = Value.Object()
        if metadata.count > 0 { all["m"] = .object(metadata) }
        if !userIDs.isEmpty { all["u"] = .array(userIDs.map { .string($0) }) }
        let body = try DocumentBody(.object(all), limits: limits)
        guard body.bytes.count <= limits.notesBytesMax else { throw .tooLarge(.notes, max: limits.notesBytesMax) }
        bytes = body.bytes
    }

    /// Takes what an engine has stored.
    init(stored bytes: [UInt8]) { self.bytes = bytes }

    /// The game's metadata.
    public var metadata: Value.Object {
        if case .object(let metadata)? = object?["m"] { metadata } else { Value.Object() }
    }

    /// The ids of the users whom the document concerns.
    public var userIDs: [String] {
        guard case .array(let ids)? = object?["u"] else { return [] }
        return ids.compactMap { if case .string(let id) = $0 { id } else { nil } }
    }

    private var object: Value.Object? {
        if case .object(let object)? = DocumentBody(stored: bytes).value { object } else { nil }
    }
}
