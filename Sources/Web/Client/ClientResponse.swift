/// An answer, whole.
public struct ClientResponse: Sendable {
    /// What stands before the body of an answer.
    public struct Head: Sendable {
        /// How the request turned out.
        public let status: HTTPStatus
        /// The fields in the order of their coming.
        public let fields: [HTTPField]

        /// The value of the first field with this name, in any case.
        public func value(of name: String) -> String? {
            let wanted = name.lowercased()
            return fields.first { $0.name.lowercased() == wanted }?.value
        }
    }

    /// Status and fields.
    public let head: Head
    /// The body.
    public let body: [UInt8]

    /// How the request turned out.
    public var status: HTTPStatus { head.status }

    /// The body as text; bytes that are not UTF-8 are replaced.
    public var text: String { String(decoding: body, as: UTF8.self) }

    /// The value of the first field with this name, in any case.
    public func value(of name: String) -> String? { head.value(of: name) }
}

/// An answer whose body comes piece by piece, and no faster than it is read.
///
/// Dropping it ends the exchange and the connection under it.
public struct ClientStream: Sendable {
    /// Status and fields.
    public let head: ClientResponse.Head
    /// The body, for one reader.
    public let body: ResponseBody

    /// How the request turned out.
    public var status: HTTPStatus { head.status }
}

/// The body of an answer: pieces of bytes, for one reader.
public struct ResponseBody: AsyncSequence, Sendable {
    /// A piece, never empty.
    public typealias Element = [UInt8]
    /// Why the rest does not come.
    public typealias Failure = WebClientError

    let owner: CallOwner

    /// Starts to read. There is one place where the body is, so a second iterator goes on where the first one stopped.
    public func makeAsyncIterator() -> Iterator { Iterator(owner: owner) }

    /// Reads the pieces.
    public struct Iterator: AsyncIteratorProtocol {
        let owner: CallOwner

        /// The next piece; `nil` at the end.
        ///
        /// - Throws: why the rest does not come. What came before it is then not the whole.
        public mutating func next(isolation actor: isolated (any Actor)?) async throws(WebClientError) -> [UInt8]? {
            try await owner.nextPiece()
        }

        /// The next piece; `nil` at the end.
        public mutating func next() async throws(WebClientError) -> [UInt8]? { try await owner.nextPiece() }
    }

    /// Reads everything that is left.
    ///
    /// - Throws: `.bodyTooLong` when it is more than that; the exchange is over then.
    public func collect(bytesMax: Int) async throws(WebClientError) -> [UInt8] {
        var whole: [UInt8] = []
        while let piece = try await owner.nextPiece() {
            guard whole.count + piece.count <= bytesMax else {
                owner.abandon(.bodyTooLong(bytesMax: bytesMax))
                throw .bodyTooLong(bytesMax: bytesMax)
            }
            // Most bodies come in one piece, which is then not copied.
            if whole.isEmpty { whole = piece } else { whole += piece }
        }
        return whole
    }
}

/// Whoever holds this wants the answer; when nobody does any more, the exchange ends.
final class CallOwner: Sendable {
    let crossing: CallCrossing
    private let loop: ClientLoop

    init(_ crossing: CallCrossing, on loop: ClientLoop) {
        self.crossing = crossing
        self.loop = loop
    }

    deinit { if !crossing.isOver { abandon(.cancelled) } }

    /// Ends the call for its reader at once, and for the loop as soon as it hears of it. A loop that is too busy to hear
    /// finds out at the next piece or time-out.
    func abandon(_ error: WebClientError) {
        crossing.end(error)
        loop.visit { [crossing] in $0.abandon(crossing) }
    }

    func nextPiece() async throws(WebClientError) -> [UInt8]? {
        let (outcome, resumes) = await withTaskCancellationHandler {
            await crossing.nextPiece()
        } onCancel: {
            abandon(.cancelled)
        }
        if resumes, !loop.visit({ [crossing] in $0.readOn(crossing) }) {
            // Nobody else would ever tell the loop, and the connection would stand still until its time-out.
            abandon(.loopUnavailable)
        }
        return try outcome.get()
    }

    func head() async throws(WebClientError) -> ClientResponse.Head {
        let outcome = await withTaskCancellationHandler {
            await crossing.head()
        } onCancel: {
            abandon(.cancelled)
        }
        return try outcome.get()
    }
}
