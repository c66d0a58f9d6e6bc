import Base
import Wire

/// Any bytes, read as a message whose lengths are tried as messages, texts, bytes and packed numbers.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var input = ByteBuffer()
    input.append(copying: UnsafeRawBufferPointer(start: start, count: count))
    do throws(WireError) {
        var reader = ProtobufReader(input.bytes)
        try message(&reader)
        try reader.finish()
        precondition(reader.offset == input.count)
    } catch {
        precondition(error.offset >= 0 && error.offset <= input.count)
    }
    return 0
}

private func message(_ reader: inout ProtobufReader) throws(WireError) {
    var scope = try reader.beginObject()
    while let key = try reader.nextKey(in: &scope) {
        let before = reader.offset
        guard try reader.peekKind() == .opaque else {
            try number(&reader)
            continue
        }
        // A schema chooses by the field number; so does this.
        switch key.number % 5 {
        case 0: try message(&reader)
        case 1:
            let text = try reader.text().string()
            precondition(text.utf8.count <= reader.offset - before)
        case 2:
            var array = try reader.beginArray(of: .integer)
            while try reader.nextElement(in: &array) { _ = try reader.int64() }
        case 3:
            var array = try reader.beginArray(of: .double)
            while try reader.nextElement(in: &array) { _ = try reader.double() }
        default:
            var array = try reader.beginArray()
            while try reader.nextElement(in: &array) { try reader.skipValue() }
        }
        precondition(reader.offset > before)
    }
}

/// A number that is written and read again is the same.
private func number(_ reader: inout ProtobufReader) throws(WireError) {
    let number = try reader.number()
    var output = ByteBuffer()
    var writer = ProtobufWriter()
    var scope = try writer.beginObject(count: 1, to: &output)
    try writer.key(FieldKey("n", number: 1), in: &scope, to: &output)
    try writer.number(number, to: &output)
    try writer.endObject(scope, to: &output)
    var again = ProtobufReader(output.bytes)
    var fields = try again.beginObject()
    guard try again.nextKey(in: &fields) != nil else { preconditionFailure("the field is gone") }
    switch (number, try again.number()) {
    case (.int(let left), .int(let right)): precondition(left == right)
    case (.double(let left), .double(let right)): precondition(left.bitPattern == right.bitPattern || left.isNaN)
    default: preconditionFailure("another kind of number")
    }
}
