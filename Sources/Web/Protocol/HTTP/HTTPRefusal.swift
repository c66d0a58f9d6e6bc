/// Why a message is not taken. Each case has the status that tells the peer, after which the connection ends:
/// behind a malformed head nobody knows where the next message starts.
public enum HTTPRefusal: UInt8, Error, Equatable, Sendable, CaseIterable {
    case malformedRequestLine
    case malformedStatusLine
    case methodTooLong
    case malformedTarget
    case targetTooLong
    case unsupportedVersion
    case malformedFieldName
    case malformedFieldValue
    case malformedLineEnd
    case tooManyFields
    case headTooLarge
    case missingHost
    case repeatedHost
    case malformedHost
    case hostDiffersFromTarget
    case malformedContentLength
    case repeatedContentLength
    case contentLengthWithTransferEncoding
    case repeatedTransferEncoding
    case transferEncodingInHTTP10
    case unsupportedTransferEncoding
    case unsupportedExpectation
    case malformedChunk
    case chunkLineTooLong
    case forbiddenTrailer

    /// The status of the answer.
    public var status: Int {
        switch self {
        case .targetTooLong: 414
        case .tooManyFields, .headTooLarge: 431
        case .methodTooLong, .unsupportedTransferEncoding: 501
        case .unsupportedVersion: 505
        case .unsupportedExpectation: 417
        default: 400
        }
    }
}
