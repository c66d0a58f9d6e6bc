// The server's end of a WebSocket (RFC 6455), as much of it as these tests need: whole text frames, close, ping.
import { createHash } from "node:crypto";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

export class ServerSocket {
    onmessage = () => {};
    onclose = () => {};
    isOpen = true;
    #stream;
    #rest = Buffer.alloc(0);

    constructor(request, stream, protocol) {
        this.#stream = stream;
        const accept = createHash("sha1").update(request.headers["sec-websocket-key"] + GUID).digest("base64");
        stream.write([
            "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
            `Sec-WebSocket-Accept: ${accept}`, `Sec-WebSocket-Protocol: ${protocol}`, "", "",
        ].join("\r\n"));
        stream.on("data", (bytes) => this.#received(bytes));
        stream.on("error", () => {});
        stream.on("close", () => this.#gone());
    }

    send(text) { this.#frame(1, Buffer.from(text)); }

    close(code, reason = "") {
        const body = Buffer.alloc(2 + Buffer.byteLength(reason));
        body.writeUInt16BE(code);
        body.write(reason, 2);
        this.#frame(8, body);
        this.#stream.end();
    }

    /** The cable is pulled: no close frame, no word. */
    cut() { this.#stream.destroy(); }

    #frame(opcode, body) {
        if (!this.isOpen || this.#stream.destroyed) return;
        const size = body.length;
        const head = size < 126 ? Buffer.from([0x80 | opcode, size]) : Buffer.alloc(size < 65_536 ? 4 : 10);
        if (size >= 126) {
            head[0] = 0x80 | opcode;
            head[1] = size < 65_536 ? 126 : 127;
            if (size < 65_536) head.writeUInt16BE(size, 2);
            else head.writeBigUInt64BE(BigInt(size), 2);
        }
        this.#stream.write(Buffer.concat([head, body]));
    }

    #received(bytes) {
        this.#rest = Buffer.concat([this.#rest, bytes]);
        for (;;) {
            const rest = this.#rest;
            if (rest.length < 2) return;
            let size = rest[1] & 0x7f;
            let start = 2;
            if (size === 126) { if (rest.length < 4) return; size = rest.readUInt16BE(2); start = 4; }
            if (size === 127) { if (rest.length < 10) return; size = Number(rest.readBigUInt64BE(2)); start = 10; }
            if (rest.length < start + 4 + size) return;
            const mask = rest.subarray(start, start + 4);
            const body = Buffer.from(rest.subarray(start + 4, start + 4 + size), 0);
            for (let i = 0; i < size; i += 1) body[i] ^= mask[i % 4];
            this.#rest = rest.subarray(start + 4 + size);
            const opcode = rest[0] & 0x0f;
            if (opcode === 1) this.onmessage(body.toString());
            if (opcode === 8) this.close(size >= 2 ? body.readUInt16BE(0) : 1000);
            if (opcode === 9) this.#frame(10, body);
        }
    }

    #gone() {
        if (!this.isOpen) return;
        this.isOpen = false;
        this.onclose();
    }
}
