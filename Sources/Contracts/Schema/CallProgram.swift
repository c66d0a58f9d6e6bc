public import Base
public import Wire

/// What a call does, compiled: from bytes to values to the handler to bytes.
///
/// The closures are made where the call is declared, in the game's own module, so that each is one straight program for
/// these parameters, this handler and this result.
public struct CallProgram<Context: AnyObject>: Sendable {
    @usableFromInline let run: @Sendable (WireFormat, RawSpan, Context, inout ByteBuffer) -> CallOutcome
    @usableFromInline let runCanonical: @Sendable (RawSpan, Context, inout ByteBuffer) -> CallOutcome
    @usableFromInline let codec: CallCodec

    /// Compiles a call whose handler answers at once.
    @inlinable init<Parameters: ValueCoder, Result: ValueCoder>(
        _ parameters: Parameters,
        _ result: Result,
        now handler: @escaping @Sendable (Context, Parameters.Values) throws -> Result.Values
    ) {
        run = { format, bytes, context, output in
            switch format {
            case .json:
                answer(parameters, result, handler, context, JSONReader(bytes), JSONWriter(), &output)
            case .messagePack:
                answer(parameters, result, handler, context, MessagePackReader(bytes), MessagePackWriter(), &output)
            case .cbor:
                answer(parameters, result, handler, context, CBORReader(bytes), CBORWriter(), &output)
            case .protobuf:
                answer(parameters, result, handler, context, ProtobufReader(bytes), ProtobufWriter(), &output)
            }
        }
        runCanonical = { bytes, context, output in
            let values: Parameters.Values
            do throws(Fault) { values = try parameters.decodeCanonical(bytes) } catch {
                return .refused(Refusal(error, in: parameters.objectShape))
            }
            do {
                let answer = try handler(context, values)
                do throws(Fault) { try result.encodeCanonical(answer, to: &output) } catch {
                    return .refused(.badResult(error))
                }
            } catch {
                return .refused(Refusal(handling: error))
            }
            return .answered
        }
        codec = CallCodec(parameters, result)
    }

    /// Compiles a call whose handler takes its time.
    @inlinable init<Parameters: ValueCoder, Result: ValueCoder>(
        _ parameters: Parameters,
        _ result: Result,
        later handler: @escaping @Sendable (Context, Parameters.Values) async throws -> Result.Values
    ) {
        run = { format, bytes, context, _ in
            do throws(Fault) {
                return pending(result, handler, context, try parameters.decode(format, bytes))
            } catch {
                return .refused(Refusal(error, in: parameters.objectShape))
            }
        }
        runCanonical = { bytes, context, _ in
            do throws(Fault) {
                return pending(result, handler, context, try parameters.decodeCanonical(bytes))
            } catch {
                return .refused(Refusal(error, in: parameters.objectShape))
            }
        }
        codec = CallCodec(parameters, result)
    }
}

/// Reads, handles and writes, all in one format.
@inlinable @inline(__always)
func answer<
    Context,
    Parameters: ValueCoder,
    Result: ValueCoder,
    Reader: ContractReader & ~Escapable,
    Writer: ContractWriter
>(
    _ parameters: Parameters,
    _ result: Result,
    _ handler: (Context, Parameters.Values) throws -> Result.Values,
    _ context: Context,
    _ reader: consuming Reader,
    _ writer: consuming Writer,
    _ output: inout ByteBuffer
) -> CallOutcome {
    let values: Parameters.Values
    do throws(Fault) { values = try parameters.decode(reader) } catch { return .refused(Refusal(error)) }
    let answer: Result.Values
    do { answer = try handler(context, values) } catch { return .refused(Refusal(handling: error)) }
    do throws(Fault) { try result.encode(answer, writer, &output) } catch { return .refused(.badResult(error)) }
    return .answered
}

/// Promises an answer.
@inlinable func pending<Context, Values: Sendable, Result: ValueCoder>(
    _ result: Result,
    _ handler: @escaping @Sendable (Context, Values) async throws -> Result.Values,
    _ context: Context,
    _ values: Values
) -> CallOutcome {
    .started(
        PendingAnswer { () async throws(Refusal) -> EncodedAnswer in
            let answer: Result.Values
            do { answer = try await handler(context, values) } catch { throw Refusal(handling: error) }
            return EncodedAnswer(
                write: { format, output in
                    do throws(Fault) { try result.encode(answer, as: format, to: &output) } catch {
                        return .badResult(error)
                    }
                    return nil
                },
                writeCanonical: { output in
                    do throws(Fault) { try result.encodeCanonical(answer, to: &output) } catch {
                        return .badResult(error)
                    }
                    return nil
                }
            )
        }
    )
}

/// Takes the values of a call from one form to another.
public struct CallCodec: Sendable {
    @usableFromInline let canonicalParams: @Sendable (WireFormat, RawSpan, inout ByteBuffer) -> Fault?
    @usableFromInline let canonicalResult: @Sendable (WireFormat, RawSpan, inout ByteBuffer) -> Fault?
    @usableFromInline let writeParams: @Sendable (RawSpan, WireFormat, inout ByteBuffer) -> Fault?
    @usableFromInline let writeResult: @Sendable (RawSpan, WireFormat, inout ByteBuffer) -> Fault?

    @inlinable init<Parameters: ValueCoder, Result: ValueCoder>(_ parameters: Parameters, _ result: Result) {
        canonicalParams = { format, bytes, output in parameters.canonical(format, bytes, &output) }
        canonicalResult = { format, bytes, output in result.canonical(format, bytes, &output) }
        writeParams = { bytes, format, output in parameters.write(canonical: bytes, format, &output) }
        writeResult = { bytes, format, output in result.write(canonical: bytes, format, &output) }
    }
}

extension ValueCoder {
    /// From a format to the canonical form.
    @inlinable func canonical(_ format: WireFormat, _ bytes: RawSpan, _ output: inout ByteBuffer) -> Fault? {
        guard Self.hasValues else { return bytes.byteCount == 0 ? nil : Fault(.trailingBytes) }
        do throws(Fault) {
            try encodeCanonical(try decode(format, bytes), to: &output)
            return nil
        } catch {
            return error
        }
    }

    /// From the canonical form to a format.
    @inlinable func write(canonical bytes: RawSpan, _ format: WireFormat, _ output: inout ByteBuffer) -> Fault? {
        do throws(Fault) {
            let values = try decodeCanonical(bytes)
            if Self.hasValues { try encode(values, as: format, to: &output) }
            return nil
        } catch {
            return error
        }
    }
}
