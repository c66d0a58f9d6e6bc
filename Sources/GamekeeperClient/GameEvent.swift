import Base
public import Wire

/// A value as it came: it is read when somebody says what it is.
public struct GameBody: Sendable {
    let bytes: [UInt8]
    let format: ClientFormat

    /// The value without a contract; nothing is `null`.
    ///
    /// - Throws: `INTERNAL` when the server has sent what the format does not allow.
    public func value() throws(CallFailure) -> Value {
        guard !bytes.isEmpty else { return .null }
        do throws(WireError) {
            return try Value(unsafe bytes.span.bytes, as: format.wire)
        } catch {
            throw CallFailure("INTERNAL", "the server's answer can't be read: \(error)")
        }
    }
}

/// Something the server tells.
public struct GameEvent: Sendable {
    /// The event's name; of a message of a topic, its family.
    public let name: String
    /// What it carries.
    public let body: GameBody
    /// Its number, on the reliable lane.
    public let seq: UInt64?
    /// The topic it belongs to.
    public let topic: String?
    /// The room it belongs to.
    public let room: String?
    /// When it was told, in the server's milliseconds since 1970.
    public let timestamp: Int64
}

extension ClientFormat {
    var wire: WireFormat {
        switch self {
        case .json: .json
        case .messagePack: .messagePack
        case .cbor: .cbor
        }
    }
}
