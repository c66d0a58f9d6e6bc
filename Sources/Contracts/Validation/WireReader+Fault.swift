public import Base
public import Wire

// A reader's steps with the contract's own error, so that what decodes reads as one line per step.
extension WireReader where Self: ~Escapable {
    @inlinable @inline(__always) mutating func enterObject() throws(Fault) -> WireScope {
        do throws(WireError) { return try beginObject() } catch { throw Fault.of(error) }
    }

    @inlinable @inline(__always) mutating func enterList(of element: WireElement) throws(Fault) -> WireScope {
        do throws(WireError) { return try beginArray(of: element) } catch { throw Fault.of(error) }
    }

    @inlinable @inline(__always) mutating func hasElement(in scope: inout WireScope) throws(Fault) -> Bool {
        do throws(WireError) { return try nextElement(in: &scope) } catch { throw Fault.of(error) }
    }

    @inlinable @inline(__always) mutating func finds(_ key: FieldKey, in scope: inout WireScope) throws(Fault) -> Bool {
        do throws(WireError) { return try matchKey(key, in: &scope) } catch { throw Fault.of(error) }
    }

    @inlinable @inline(__always) mutating func finishValue() throws(Fault) {
        do throws(WireError) { try finish() } catch { throw Fault.of(error) }
    }
}

extension WireWriter {
    @inlinable @inline(__always)
    mutating func openObject(count: Int, to output: inout ByteBuffer) throws(Fault) -> WireScope {
        do throws(WireError) { return try beginObject(count: count, to: &output) } catch { throw Fault.of(error) }
    }

    @inlinable @inline(__always)
    mutating func announce(_ key: FieldKey, in scope: inout WireScope, to output: inout ByteBuffer) throws(Fault) {
        do throws(WireError) { try self.key(key, in: &scope, to: &output) } catch { throw Fault.of(error) }
    }

    @inlinable @inline(__always)
    mutating func closeObject(_ scope: WireScope, to output: inout ByteBuffer) throws(Fault) {
        do throws(WireError) { try endObject(scope, to: &output) } catch { throw Fault.of(error) }
    }

    @inlinable @inline(__always)
    mutating func openList(count: Int, to output: inout ByteBuffer) throws(Fault) -> WireScope {
        do throws(WireError) { return try beginArray(count: count, to: &output) } catch { throw Fault.of(error) }
    }

    @inlinable @inline(__always)
    mutating func announceElement(in scope: inout WireScope, to output: inout ByteBuffer) throws(Fault) {
        do throws(WireError) { try element(in: &scope, to: &output) } catch { throw Fault.of(error) }
    }

    @inlinable @inline(__always)
    mutating func closeList(_ scope: WireScope, to output: inout ByteBuffer) throws(Fault) {
        do throws(WireError) { try endArray(scope, to: &output) } catch { throw Fault.of(error) }
    }
}
