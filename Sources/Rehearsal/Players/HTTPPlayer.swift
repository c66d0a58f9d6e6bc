import Base
import Reactor

/// A client that asks one question after the other, or all at once, and knows every answer.
final class HTTPPlayer: Player {
    enum Manner: CaseIterable {
        /// Waits for each answer.
        case patient
        /// Sends everything at once.
        case pipelining
        /// Sends a byte now and then.
        case trickling
        /// Reads a byte now and then.
        case sipping
        /// Asks for much and reads nothing.
        case deaf
        /// Ends with nonsense.
        case malformed
        /// Says that it is done before the last answer has come.
        case halfClosing
        /// Is cut off somewhere.
        case vanishing
        /// Begins a head and never ends it.
        case dozing
    }

    private let manner: Manner
    private var requests: [HTTPRequestScript]
    private var asked = 0
    private var answered = 0
    private var reader = ResponseReader()
    private var vanishesAfter = Int.max
    private var acts = 0
    private var hasFinished = false

    init(_ manner: Manner, in stage: Stage, to address: SocketAddress) {
        self.manner = manner
        requests = []
        super.init("\(manner) HTTP client", in: stage, to: address)
        let count = manner == .deaf ? 40 : entropy.uniform(in: 1...12)
        for _ in 0..<count { requests.append(.random(&entropy, big: manner == .deaf)) }
        if manner == .malformed { requests.append(.malformed(&entropy)) }
        // Cut off by the server's handler, in the middle of an answer.
        if manner == .vanishing, entropy.chance(0.5) { requests.append(HTTPRequestScript(target: "/abandon")) }
        switch manner {
        case .trickling:
            sendsMax = 40
            pause = 10_000_000
        case .sipping: readsMax = 700
        case .deaf: readsMax = 0
        case .vanishing: vanishesAfter = entropy.uniform(in: 1...60)
        case .dozing: requests = Array(requests.prefix(2))
        default: break
        }
        if manner != .patient { while asked < requests.count { ask() } }
        if manner == .dozing { say("GET /hello HT".utf8) }
    }

    override var state: String { "\(answered) of \(requests.count) answered, \(asked) asked, \(unsent) bytes unsent" }

    private func ask() {
        say(requests[asked].bytes(&entropy))
        asked += 1
    }

    override func think() -> Bool {
        acts += 1
        if acts > vanishesAfter {
            vanish()
            return true
        }
        if manner == .patient, asked < requests.count, asked == answered, unsent == 0 {
            ask()
            return true
        }
        if manner == .halfClosing, !hasFinished, unsent == 0 {
            hasFinished = true
            finish()
            return true
        }
        if answered == requests.count, manner != .dozing, manner != .malformed, !hasFinished {
            hasFinished = true
            // Some hang up, and some say goodbye and wait for the answer.
            if entropy.chance(0.5) { leave() } else { finish() }
            return true
        }
        return manner == .deaf ? false : sip()
    }

    private func sip() -> Bool {
        guard manner == .sipping else { return false }
        waitsUntil = network.now.advanced(byNanoseconds: 2_000_000)
        return false
    }

    override func heard(_ bytes: ArraySlice<UInt8>) {
        reader.append(bytes)
        while let answer = reader.next(toHead: answered < requests.count && requests[answered].isHead) {
            check(answer)
            if isDone { return }
        }
        if let fault = reader.fault { complain(fault) }
    }

    private func check(_ answer: ResponseReader.Answer) {
        guard answered < requests.count else {
            // Who dozes is told that it took too long.
            if manner == .dozing, answer.status == 408 { return }
            return complain("an answer to nothing: \(answer.status)")
        }
        let request = requests[answered]
        answered += 1
        ledger.answersChecked += 1
        // A server whose handlers are late, or that stops, says so.
        if answer.status == 503 || answer.status == 408, request.status != nil, !isOwedAll { return }
        if let status = request.status {
            guard answer.status == status else {
                return complain("\(request.target) was answered by \(answer.status) instead of \(status)")
            }
            if let body = request.answer, answer.body != body, !request.isHead {
                complain("\(request.target) was answered by other bytes (\(answer.body.count) of \(body.count))")
            }
        } else if !(400...599).contains(answer.status) {
            complain("nonsense was answered by \(answer.status)")
        }
    }

    override func ended() {
        let mayMiss = !isOwedAll || manner == .deaf || manner == .vanishing
        if ending == .finished, reader.isWithin, !mayMiss { complain("the stream ends within an answer") }
        if answered < requests.count, !mayMiss, !isDone {
            complain("the stream ends (\(ending)) after \(state)")
        }
        leave()
    }
}

/// One request and what must come back.
struct HTTPRequestScript {
    var target = "/hello"
    var method = "GET"
    var body: [UInt8] = []
    var isChunked = false
    var raw: [UInt8]?
    /// `nil` for any refusal.
    var status: Int? = 200
    /// `nil` for any body.
    var answer: [UInt8]?

    var isHead: Bool { method == "HEAD" }

    static func random(_ entropy: inout SeededEntropy, big: Bool) -> HTTPRequestScript {
        var script = HTTPRequestScript()
        switch big ? 8 : entropy.uniform(below: 10) {
        case 0, 1: script.answer = Array("hello\n".utf8)
        case 2, 3, 4:
            script.method = "POST"
            script.target = entropy.chance(0.5) ? "/echo" : "/stream"
            let most = entropy.chance(0.2) ? 40_000 : 600
            script.body = (0..<entropy.uniform(in: 0...most)).map { _ in UInt8(truncatingIfNeeded: entropy.next()) }
            script.isChunked = entropy.chance(0.4)
            script.answer = script.body
        case 5, 6:
            let delay = entropy.uniform(below: 400)
            script.target = "/later/\(delay)"
            script.answer = Array("after \(delay)\n".utf8)
        case 7:
            script.target = "/task/\(entropy.uniform(below: 5))"
            script.answer = Array("done\n".utf8)
        case 8:
            script.target = "/big"
            script.answer = Stage.bigBody
        default:
            script.target = "/nowhere"
            script.status = 404
            if entropy.chance(0.3) {
                script.method = "HEAD"
            }
        }
        return script
    }

    private static let nonsense: [String] = [
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "G@T / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET / HTTP/9.1\r\nHost: a\r\n\r\n", "GET /\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        "POST /stream/no HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\nabc",
        "GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n", "\u{1}\u{2}\u{3}\r\n\r\n",
    ]

    static func malformed(_ entropy: inout SeededEntropy) -> HTTPRequestScript {
        var script = HTTPRequestScript()
        let text = nonsense[Int(entropy.uniform(below: UInt64(nonsense.count)))]
        script.raw = Array(text.utf8)
        script.target = text
        script.status = nil
        return script
    }

    func bytes(_ entropy: inout SeededEntropy) -> [UInt8] {
        if let raw { return raw }
        var text = "\(method) \(target) HTTP/1.1\r\nHost: stage\r\n"
        guard method == "POST" else { return Array((text + "\r\n").utf8) }
        guard isChunked else {
            text += "Content-Length: \(body.count)\r\n\r\n"
            return Array(text.utf8) + body
        }
        text += "Transfer-Encoding: chunked\r\n\r\n"
        var bytes = Array(text.utf8)
        var at = 0
        while at < body.count {
            let count = min(body.count - at, entropy.uniform(in: 1...5_000))
            bytes.append(contentsOf: "\(String(count, radix: 16))\r\n".utf8)
            bytes.append(contentsOf: body[at..<(at + count)])
            bytes.append(contentsOf: "\r\n".utf8)
            at += count
        }
        bytes.append(contentsOf: "0\r\n\r\n".utf8)
        return bytes
    }
}
