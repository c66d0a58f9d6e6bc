extension Export {
    /// A `.proto` for clients of the sub-protocol `gamekeeper.v1.protobuf`: the envelope, and a message for every object.
    public var protoFile: String {
        let names = TypeNames(contract, reserved: ["Envelope", "Error", "Vector2", "Vector3"])
        var text = """
            // Made from the contract \(contract.name) \(contract.version). Do not edit: make it again instead.
            // Every field is `optional`, so that a zero is sent: a field that does not come is missing, not zero.
            syntax = "proto3";

            package gamekeeper.\(Self.packageName(contract.name));

            // One frame: an envelope, or a batch of them as field 100.
            message Envelope {
              enum Type {
                TYPE_UNSPECIFIED = 0;
                RPC = 1;
                RESPONSE = 2;
                EVENT = 3;
                REQUEST = 4;
                ACK = 5;
                PING = 6;
                PONG = 7;
              }
              optional Type type = 1;
              optional uint64 id = 2;
              optional string method = 3;
              // The message of the method's params.
              optional bytes params = 4;
              // The message of the method's result.
              optional bytes result = 5;
              optional Error error = 6;
              optional uint64 seq = 7;
              optional string key = 8;
              optional uint64 deadline_ms = 9;
              optional string trace = 10;
              optional string event = 11;
              // The message of the event.
              optional bytes data = 12;
              optional uint64 timestamp = 13;
              optional string room = 14;
              optional string topic = 15;
              optional uint64 timeout_ms = 16;
              optional double t = 17;
              optional double server = 18;
              repeated Envelope items = 100;
            }

            message Error {
              optional string code = 1;
              optional string message = 2;
              // JSON.
              optional bytes details = 3;
              optional bool retry = 4;
              optional uint64 retry_after_ms = 5;
            }

            message Vector2 {
              optional double x = 1;
              optional double y = 2;
            }

            message Vector3 {
              optional double x = 1;
              optional double y = 2;
              optional double z = 3;
            }


            """
        for type in names.types { text += Self.message(type.name, type.shape, names) + "\n" }
        for call in contract.calls {
            let result = call.result.map(names.name) ?? "nothing"
            text += "// \(call.name): \(names.name(of: call.parameters, owner: call.name)) -> \(result)\n"
        }
        for event in contract.events { text += "// event \(event.name): \(names.name(of: event.payload))\n" }
        for topic in contract.topics { text += "// topic \(topic.name): \(names.name(of: topic.payload))\n" }
        for request in contract.requests {
            let result = request.result.map(names.name) ?? "nothing"
            text +=
                "// request \(request.name): \(names.name(of: request.parameters, owner: request.name)) -> \(result)\n"
        }
        return text
    }

    private static func message(_ name: String, _ object: ObjectShape, _ names: TypeNames) -> String {
        var text = "message \(name) {\n"
        for field in object.fields {
            text += "  // \(Facts.oneLine(Facts.words(field.shape)))\n"
            text += "  \(declaration(field.shape, names)) \(identifier(field.name)) = \(field.number);\n"
        }
        return text + "}\n"
    }

    /// The type of a field with its label.
    private static func declaration(_ shape: Shape, _ names: TypeNames) -> String {
        switch shape {
        case .optional(let wrapped): declaration(wrapped, names)
        case .array(let element, _): "repeated \(type(element, names))"
        case .map(let element, _, _): "map<string, \(type(element, names))>"
        default: "optional \(type(shape, names))"
        }
    }

    private static func type(_ shape: Shape, _ names: TypeNames) -> String {
        switch shape {
        case .bool: "bool"
        case .int, .timestamp: "int64"
        case .number: "double"
        case .text, .choice, .player, .room: "string"
        case .bytes, .array, .map: "bytes"
        case .object(let object): names.name(of: object)
        case .optional(let wrapped): type(wrapped, names)
        case .vector2: "Vector2"
        case .vector3: "Vector3"
        }
    }

    /// Protobuf sends numbers, so a name that its language does not allow may be written as one that it does.
    private static func identifier(_ name: String) -> String {
        let letters = String(name.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
        return letters.first?.isLetter == true ? letters : "f_" + letters
    }

    private static func packageName(_ name: String) -> String {
        let letters = name.lowercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" }
        return letters.first?.isLetter == true ? String(letters) : "game_" + String(letters)
    }
}
