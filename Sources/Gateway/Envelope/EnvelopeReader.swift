import Base
import Wire

/// Reads the envelopes of one frame, one after the other, without allocating: what stands where, and whether it may.
///
/// A frame holds one envelope or a batch. Whatever breaks the format ends the frame (`malformed`); an envelope that can
/// be read and breaks a rule is refused by itself, after its number was found. Values inside (`params`, `result`,
/// `error`) are walked over, so that a broken one is found here, and kept as places.
struct EnvelopeReader<Reader: WireReader & ~Escapable>: ~Escapable {
    enum Step: Equatable {
        /// An envelope that satisfies the rules.
        case envelope
        /// One that does not.
        case refused(EnvelopeFault)
        /// The frame is over.
        case end
        /// The frame can't be read from here on.
        case malformed(WireError)
    }

    private enum State { case fresh, batch, over }

    private let bytes: RawSpan
    private var reader: Reader
    private var state = State.fresh
    /// Whether nothing more is to be read, so that nobody needs to ask for it.
    var isOver: Bool { state == .over }
    private var batch: WireScope?
    private var seen = 0

    @_lifetime(copy bytes)
    init(_ bytes: RawSpan) {
        self.bytes = bytes
        reader = Reader(bytes)
    }

    /// Reads the next envelope into one that is kept for the purpose.
    @inline(__always)
    mutating func next(_ envelope: inout Envelope, batchMax: Int = 64) -> Step {
        do throws(WireError) {
            switch state {
            case .over: return .end
            case .fresh: return try first(&envelope)
            case .batch: return try following(&envelope, batchMax)
            }
        } catch {
            state = .over
            return .malformed(error)
        }
    }

    @inline(__always)
    private mutating func first(_ envelope: inout Envelope) throws(WireError) -> Step {
        if try beginBatch() {
            state = .batch
            let step = try following(&envelope, 1)
            return step == .end ? .refused(EnvelopeFault(.emptyBatch)) : step
        }
        state = .over
        let fault = try read(&envelope)
        try reader.finish()
        return fault.map { .refused($0) } ?? .envelope
    }

    private mutating func following(_ envelope: inout Envelope, _ batchMax: Int) throws(WireError) -> Step {
        guard try nextItem() else {
            state = .over
            try reader.finish()
            return .end
        }
        guard seen < batchMax else {
            state = .over
            envelope = Envelope()
            return .refused(EnvelopeFault(.tooMany))
        }
        seen += 1
        return try read(&envelope).map { .refused($0) } ?? .envelope
    }

    /// Enters a batch, if the frame is one.
    @inline(__always)
    private mutating func beginBatch() throws(WireError) -> Bool {
        if Reader.format != .protobuf {
            guard try reader.peekKind() == .array else { return false }
            batch = try reader.beginArray()
            return true
        }
        var probe = reader
        var scope = try probe.beginObject()
        guard let key = try probe.nextKey(in: &scope), key.number == EnvelopeKey.items else { return false }
        batch = try reader.beginObject()
        return true
    }

    private mutating func nextItem() throws(WireError) -> Bool {
        guard var scope = batch else { return false }
        defer { batch = scope }
        if Reader.format != .protobuf { return try reader.nextElement(in: &scope) }
        let before = reader.offset
        guard let key = try reader.nextKey(in: &scope) else { return false }
        guard key.number == EnvelopeKey.items else {
            throw WireError(.excessEntry, expected: .endOfArray, at: before)
        }
        return true
    }

    // MARK: One envelope

    /// How many fields stand where they usually stand, and so are found by one comparison each.
    private static var usual: Int { 4 }

    @inline(__always)
    private mutating func read(_ envelope: inout Envelope) throws(WireError) -> EnvelopeFault? {
        envelope = Envelope()
        var fault: EnvelopeFault?
        var hasKind = false
        var scope = try reader.beginObject()
        var place = 0
        while true {
            let field: EnvelopeFields
            if place < Self.usual, try matchUsual(place, &scope) {
                field = EnvelopeFields(rawValue: 1 &<< UInt32(truncatingIfNeeded: place))
                place &+= 1
            } else {
                guard let key = try reader.nextKey(in: &scope) else { break }
                field = Self.field(key)
                if field.isEmpty {
                    fault = fault ?? EnvelopeFault(unknown: self.place(of: key.text), number: key.number)
                    try reader.skipValue()
                    continue
                }
            }
            guard envelope.fields.isDisjoint(with: field) else {
                fault = fault ?? EnvelopeFault(.duplicateField, field)
                try reader.skipValue()
                continue
            }
            if let wrong = try take(field, &envelope, &hasKind) {
                fault = fault ?? wrong
            } else {
                envelope.fields.insert(field)
            }
        }
        return fault ?? Self.judge(envelope, hasKind: hasKind)
    }

    @inline(__always)
    private mutating func matchUsual(_ place: Int, _ scope: inout WireScope) throws(WireError) -> Bool {
        switch place {
        case 0: try reader.matchKey(EnvelopeKey.type, in: &scope)
        case 1: try reader.matchKey(EnvelopeKey.id, in: &scope)
        case 2: try reader.matchKey(EnvelopeKey.method, in: &scope)
        default: try reader.matchKey(EnvelopeKey.params, in: &scope)
        }
    }

    private static func field(_ key: borrowing WireKey) -> EnvelopeFields {
        if key.matches(EnvelopeKey.type) { return .type }
        if key.matches(EnvelopeKey.id) { return .id }
        if key.matches(EnvelopeKey.method) { return .method }
        if key.matches(EnvelopeKey.params) { return .params }
        if key.matches(EnvelopeKey.seq) { return .seq }
        if key.matches(EnvelopeKey.key) { return .key }
        if key.matches(EnvelopeKey.deadline) { return .deadline }
        if key.matches(EnvelopeKey.trace) { return .trace }
        if key.matches(EnvelopeKey.result) { return .result }
        if key.matches(EnvelopeKey.error) { return .error }
        if key.matches(EnvelopeKey.clock) { return .clock }
        return []
    }

    /// What must hold of the envelope as a whole.
    @inline(__always)
    private static func judge(_ envelope: Envelope, hasKind: Bool) -> EnvelopeFault? {
        guard hasKind else { return EnvelopeFault(.missing, .type) }
        let allowed = EnvelopeFields.allowed(in: envelope.kind)
        guard !allowed.isEmpty else { return EnvelopeFault(.unknownType, .type) }
        let excess = envelope.fields.subtracting(allowed)
        guard excess.isEmpty else { return EnvelopeFault(.unknownField, excess.first) }
        let missing = EnvelopeFields.required(in: envelope.kind).subtracting(envelope.fields)
        guard missing.isEmpty else { return EnvelopeFault(.missing, missing.first) }
        guard envelope.kind != .response || !envelope.fields.isSuperset(of: [.result, .error]) else {
            return EnvelopeFault(.duplicateField, .error)
        }
        return nil
    }

    // MARK: Values

    /// Takes the value of a field. One of another type, or out of range, is skipped and told.
    @inline(__always)
    private mutating func take(
        _ field: EnvelopeFields,
        _ envelope: inout Envelope,
        _ hasKind: inout Bool
    ) throws(WireError) -> EnvelopeFault? {
        let before = reader
        do throws(WireError) {
            switch field {
            case .type: return try takeKind(&envelope, &hasKind)
            case .id: return check(try reader.int64(), into: &envelope.id, field)
            case .method: return takeText(try reader.text(), 128, &envelope.method, field)
            case .params: envelope.params = try takeValue()
            case .seq: return check(try reader.int64(), into: &envelope.seq, field)
            case .deadline: return check(try reader.int64(), into: &envelope.deadlineMilliseconds, field)
            case .key: return takeText(try reader.text(), 256, &envelope.key, field)
            case .trace: return takeText(try reader.text(), 512, &envelope.trace, field)
            case .result: envelope.result = try takeValue()
            case .error: envelope.error = try takeValue()
            default: envelope.clock = try reader.double()
            }
            return nil
        } catch {
            let problem: EnvelopeFault.Problem
            switch error.kind {
            case .wrongType: problem = .wrongType
            case .numberOutOfRange, .numberTooLong: problem = .outOfRange
            default: throw error
            }
            reader = before
            try reader.skipValue()
            return EnvelopeFault(problem, field)
        }
    }

    @inline(__always)
    private mutating func takeKind(_ envelope: inout Envelope, _ hasKind: inout Bool) throws(WireError)
        -> EnvelopeFault?
    {
        if Reader.format == .protobuf {
            guard let kind = EnvelopeKind(rawValue: UInt8(clamping: try reader.int64())) else {
                return EnvelopeFault(.unknownType, .type)
            }
            envelope.kind = kind
        } else {
            let word = try reader.text()
            if word.equals("rpc") {
                envelope.kind = .rpc
            } else if word.equals("ack") {
                envelope.kind = .ack
            } else if word.equals("ping") {
                envelope.kind = .ping
            } else if word.equals("response") {
                envelope.kind = .response
            } else {
                return EnvelopeFault(.unknownType, .type)
            }
        }
        hasKind = true
        return nil
    }

    @inline(__always)
    private func check(_ number: Int64, into slot: inout Int64, _ field: EnvelopeFields) -> EnvelopeFault? {
        guard number >= 0, number <= Envelope.numberMax else { return EnvelopeFault(.outOfRange, field) }
        slot = number
        return nil
    }

    @inline(__always)
    private func takeText(
        _ text: borrowing WireSlice,
        _ bytesMax: Int,
        _ slot: inout WirePlace,
        _ field: EnvelopeFields
    ) -> EnvelopeFault? {
        slot = place(of: text)
        return slot.count <= bytesMax ? nil : EnvelopeFault(.tooLong, field)
    }

    /// Walks over one value and says where it stands. In Protobuf a value is a message in the bytes of its field.
    @inline(__always)
    private mutating func takeValue() throws(WireError) -> WirePlace {
        if Reader.format == .protobuf { return place(of: try reader.bytes()) }
        // Steps over white space, so that the value begins with its first byte. The others have none.
        if Reader.format == .json { _ = try reader.peekKind() }
        let start = reader.offset
        try reader.skipValue()
        return WirePlace(start: Int32(clamping: start), count: Int32(clamping: reader.offset - start))
    }

    @inline(__always)
    private func place(of slice: borrowing WireSlice) -> WirePlace {
        let range = bytes.byteOffsets(of: slice.rawBytes) ?? 0..<0
        return WirePlace(
            start: Int32(clamping: range.lowerBound),
            count: Int32(clamping: range.count),
            isPlain: slice.isPlain
        )
    }
}
