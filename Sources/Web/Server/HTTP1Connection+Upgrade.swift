import Base
import Reactor

/// From HTTP to WebSocket.
extension HTTP1Connection {
    func upgrade(_ exchange: Exchange, _ options: WebSocketOptions, _ handler: any WebSocketHandler) -> WebSocket? {
        guard queue.isEmpty && exchange === fresh || queue.count == 1 && queue.first === exchange else {
            // Behind a request whose answer is still owed there is no telling whose bytes are whose.
            exchange.respond(.badRequest, "an upgrade can't be pipelined\n")
            return nil
        }
        guard options.origins.admits(exchange.text(of: .origin), host: exchange.authority.text()) else {
            exchange.respond(.forbidden, "this origin may not connect\n")
            return nil
        }
        let key: ByteRange
        do throws(WebSocketUpgradeRefusal) {
            key = try WebSocketHandshake.key(of: exchange.head, exchange.headBytes)
        } catch {
            let version = error == .unsupportedVersion ? [HTTPField("Sec-WebSocket-Version", "13")] : []
            let needed = error == .noUpgrade ? HTTPStatus.upgradeRequired : HTTPStatus(rawValue: error.status)
            exchange.respond(Response(needed, type: .text, fields: version), bytes: Array("not a WebSocket\n".utf8))
            return nil
        }
        let agreed = agree(exchange, options)
        switchProtocols(exchange, key, options, agreed)
        return become(exchange, options, agreed, handler)
    }

    private typealias Agreement = (protocolIndex: Int?, compression: PerMessageDeflate?)

    private func agree(_ exchange: Exchange, _ options: WebSocketOptions) -> Agreement {
        let chosen = WebSocketHandshake.chooseProtocol(exchange.head, exchange.headBytes, among: options.protocols)
        let compression = options.compresses ? PerMessageDeflate.negotiate(exchange.head, exchange.headBytes) : nil
        return (chosen, compression)
    }

    private func switchProtocols(
        _ exchange: Exchange,
        _ key: ByteRange,
        _ options: WebSocketOptions,
        _ agreed: Agreement
    ) {
        connection.withOutput { output in
            output.append("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
            output.append("Sec-WebSocket-Accept: ")
            WebSocketHandshake.appendAccept(for: exchange.headBytes.slice(key), to: &output)
            if let compression = agreed.compression {
                output.append("\r\nSec-WebSocket-Extensions: ")
                compression.appendAnswer(to: &output)
            }
            if let chosen = agreed.protocolIndex {
                output.append("\r\nSec-WebSocket-Protocol: ")
                output.append(utf8: options.protocols[chosen])
            }
            output.append("\r\n\r\n")
        }
    }

    private func become(
        _ exchange: Exchange,
        _ options: WebSocketOptions,
        _ agreed: Agreement,
        _ handler: any WebSocketHandler
    ) -> WebSocket {
        let socket = WebSocket(
            connection,
            role: .server,
            handler: handler,
            agreed: agreed,
            limits: SocketLimits(options),
            shared: server
        )
        server.metrics.webSockets.add(loop: server.loop.index)
        phase = .upgraded
        queue.removeAll()
        letGo(exchange)
        exchange.responseState = .complete
        connection.setHandler(socket)
        connection.deadline = .never
        socket.opened(connection)
        // An upgrade that was decided later: what has arrived in the meantime waits in the connection.
        connection.resumeReading()
        return socket
    }
}

extension SocketLimits {
    init(_ options: WebSocketOptions) {
        let limits = options.limits
        self.init(
            receiver: WebSocketLimits(messageBytesMax: limits.messageBytesMax, fragmentsMax: limits.fragmentsMax),
            compressBytesMin: limits.compressBytesMin,
            inflatedBytesMax: limits.messageBytesMax,
            controlFramesPerSecondMax: limits.controlFramesPerSecondMax,
            pingInterval: options.pings ? limits.pingInterval.nanoseconds : 0,
            pongTimeout: limits.pongTimeout,
            closeTimeout: limits.closeTimeout
        )
    }
}

extension ServerLoop: WebSocketSharing {
    func share(_ limits: SocketLimits) -> SocketLimits.Shared { socketLimits.share(limits) }

    func sharing(on loop: EventLoop) -> any WebSocketSharing { siblings[loop.index].serverLoop }

    func keepsMore(from held: Int, to more: Int) -> Bool { unfinished.grow(from: held, to: more) }

    func brings(_ held: Int) { unfinished.bring(held) }

    func givesBack(_ held: Int) { unfinished.giveBack(held) }

    func withCompressor(_ body: (inout Deflaters, inout ByteBuffer) -> Void) {
        body(&deflaters, &scratch)
        scratch.removeAll()
    }
}
