import Wire

/// The example call of the wire's description, read as a contract reads it.
struct ExampleCall {
    static let text: StaticString =
        #"{"type":"rpc","id":12345,"method":"player.attack","params":{"target_id":"player_2","weapon":"sword"}}"#

    private let type = FieldKey("type", number: 1)
    private let id = FieldKey("id", number: 2)
    private let method = FieldKey("method", number: 3)
    private let params = FieldKey("params", number: 4)
    private let target = FieldKey("target_id", number: 1)
    private let weapon = FieldKey("weapon", number: 2)

    func decode<Reader: WireReader & ~Escapable>(_ reader: consuming Reader) throws(WireError) {
        var call = try reader.beginObject()
        var fields = 0
        while let key = try reader.nextKey(in: &call) {
            fields += 1
            if key.matches(type) || key.matches(method) {
                _ = try reader.text().byteCount
            } else if key.matches(id) {
                guard try reader.int64() == 12_345 else { throw wrong(reader.offset) }
            } else {
                guard key.matches(params) else { throw wrong(reader.offset) }
                var inner = try reader.beginObject()
                guard try reader.matchKey(target, in: &inner), try reader.text().equals("player_2"),
                    try reader.matchKey(weapon, in: &inner), try reader.text().equals("sword")
                else { throw wrong(reader.offset) }
                try reader.endObject(&inner)
            }
        }
        try reader.finish()
        guard fields == 4 else { throw wrong(0) }
    }

    private func wrong(_ offset: Int) -> WireError { WireError(.wrongType, expected: .value, at: offset) }
}
