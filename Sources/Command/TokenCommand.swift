import Base
import Gateway
import Reactor
import Wire

/// `gamekeeper token verify`: checks a signed token with published keys, as another service would.
enum TokenCommand {
    private static let keysBytesMax = 1 << 20
    private static let tokenBytesMax = 128 << 10

    /// What was asked for.
    struct Request: Equatable {
        var keys = ""
        var token = ""
        var issuer: String?
        var audience: String?
        var seconds: Int64?
    }

    static func run(_ arguments: [String]) -> ExitStatus {
        guard arguments.first == "verify" else { return .usage("token has one form: token verify --jwks FILE TOKEN") }
        guard let request = read(Array(arguments.dropFirst())) else {
            return .usage(
                "token verify --jwks FILE [--iss NAME] [--aud NAME] [--at SECONDS] TOKEN; `-` reads the token"
            )
        }
        let keys: ByteBuffer
        do throws(FileRefusal) {
            keys = try Files.read(request.keys, bytesMax: keysBytesMax)
        } catch {
            return .usage("\(error)")
        }
        let now = request.seconds.map { WallTime(nanoseconds: $0 &* 1_000_000_000) } ?? SystemClock().wallTime()
        guard request.token == "-" else { return verify(Array(request.token.utf8), with: keys, request, at: now) }
        guard let input = StandardStreams.readAll(bytesMax: tokenBytesMax) else { return refused(.tooLong) }
        var token = input.array()
        while let last = token.last, last == 0x0A || last == 0x0D { token.removeLast() }
        return verify(token, with: keys, request, at: now)
    }

    /// Reads the arguments.
    ///
    /// - Returns: `nil` when they make no sense.
    static func read(_ arguments: [String]) -> Request? {
        var request = Request()
        var tokens: [String] = []
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            guard argument.hasPrefix("--") else {
                tokens.append(argument)
                continue
            }
            guard let value = rest.popFirst() else { return nil }
            switch argument {
            case "--jwks": request.keys = value
            case "--iss": request.issuer = value
            case "--aud": request.audience = value
            case "--at":
                guard let seconds = Int64(value), seconds.magnitude < 9_000_000_000 else { return nil }
                request.seconds = seconds
            default: return nil
            }
        }
        guard tokens.count == 1, !request.keys.isEmpty else { return nil }
        request.token = tokens[0]
        return request
    }

    private static func verify(
        _ token: [UInt8],
        with document: borrowing ByteBuffer,
        _ request: Request,
        at now: WallTime
    ) -> ExitStatus {
        var expectation = PublicKeySet.Expectation()
        expectation.issuer = request.issuer
        expectation.audience = request.audience
        expectation.bytesMax = tokenBytesMax
        let keys: PublicKeySet
        do throws(PublicKeySet.Refusal) {
            keys = try PublicKeySet(document.bytes)
        } catch {
            return .failure("\(request.keys): \(error.rawValue)")
        }
        do throws(TokenFlaw) {
            let claims = try unsafe keys.verify(token.span.bytes, expecting: expectation, at: now)
            StandardStreams.write(claims.map(describe) ?? "valid signature over a payload without claims\n")
            return .success
        } catch {
            return refused(error)
        }
    }

    private static func refused(_ flaw: TokenFlaw) -> ExitStatus { .failure("not valid: \(flaw.rawValue)") }

    /// What the token says, one claim a line; texts as JSON, so that no claim can write into the terminal.
    private static func describe(_ claims: Claims) -> String {
        var lines = ["valid"]
        let texts = [
            ("iss", claims.issuer), ("sub", claims.subject), ("sid", claims.session), ("jti", claims.identifier),
        ]
        for (name, text) in texts { if let text { lines.append("\(name) \(quoted(text))") } }
        for audience in claims.audience { lines.append("aud \(quoted(audience))") }
        for role in claims.roles { lines.append("role \(quoted(role))") }
        for (name, time) in [("iat", claims.issued), ("nbf", claims.begins), ("exp", claims.expires)] {
            guard let time else { continue }
            var text = ByteBuffer()
            CalendarTime(time).append(to: &text)
            lines.append("\(name) \(String(decoding: text.array(), as: UTF8.self))")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func quoted(_ text: String) -> String {
        var out = ByteBuffer()
        var writer = JSONWriter()
        do throws(WireError) {
            try writer.string(text, to: &out)
        } catch {
            return "?"
        }
        return String(decoding: out.array(), as: UTF8.self)
    }
}
