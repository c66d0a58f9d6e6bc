// A small server that speaks the envelope, with sessions, resume and topics, and with handles for a test to pull.
import { createServer } from "node:http";
import { once } from "node:events";
import { ServerSocket } from "./socket.js";

const refusal = (code, message = code, more = {}) => ({ code, message, retry: false, ...more });

export class FakeServer {
    sessions = new Map(); // id → session
    sockets = new Set();
    /** Everything that clients said, in order. */
    heard = [];
    /** method → (params, link, message) → result; a thrown object becomes the error; `undefined` says nothing. */
    calls = new Map();
    tickets = new Set();
    accessTokens = new Map(); // token → player
    refreshTokens = new Map();
    players = new Map(); // secret → player
    accessLifetime = 900_000;
    ringMax = 1_000;
    refusesUpgrades = false;
    contract = { name: "test", version: "1", hash: "cafe" };
    files = new Map();
    #count = 0;

    static async start(port = 0) {
        const server = new FakeServer();
        server.http = createServer((request, response) => {
            const file = server.files.get(request.url.split("?")[0]);
            response.writeHead(file ? 200 : 404, file?.headers ?? {});
            response.end(file?.body());
        });
        server.http.on("upgrade", (request, stream) => server.#upgrade(request, stream));
        server.http.listen(port, "127.0.0.1");
        await once(server.http, "listening");
        server.url = `http://127.0.0.1:${server.http.address().port}`;
        return server;
    }

    async stop() {
        for (const link of this.sockets) link.socket.cut();
        this.http.close();
        this.http.closeAllConnections();
        await once(this.http, "close");
    }

    /** Resolves with the first message that satisfies the test, said already or not yet. */
    async hears(test, from = 0) {
        for (;;) {
            const found = this.heard.slice(from).find(test);
            if (found) return found;
            await new Promise((go) => { this.wake = go; });
        }
    }

    cutAll() { for (const link of [...this.sockets]) link.socket.cut(); }
    closeAll(code, reason) { for (const link of [...this.sockets]) link.socket.close(code, reason); }

    /** A reliable event, kept for whoever comes back. */
    tell(session, event, data, more = {}) {
        session.seq += 1;
        const message = { type: "event", seq: session.seq, event, data, timestamp: Date.now(), ...more };
        session.ring.push(message);
        if (session.ring.length > this.ringMax) session.ring.shift();
        session.link?.send(message);
    }

    ask(session, id, method, params, timeout = 1_000) {
        session.link?.send({ type: "request", id, method, params, timeout_ms: timeout });
    }

    publish(topic, data, sender) {
        const family = topic.split(":")[0];
        this.history ??= new Map();
        const kept = this.history.get(topic) ?? [];
        kept.push(data);
        this.history.set(topic, kept.slice(-50));
        for (const session of this.sessions.values()) {
            if (session.topics.has(topic)) this.tell(session, family, data, { topic });
        }
    }

    #upgrade(request, stream) {
        if (this.refusesUpgrades) return stream.end("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n");
        const address = new URL(request.url, "http://host");
        const socket = new ServerSocket(request, stream, "gamekeeper.v1.json");
        const link = { socket, session: null, address, send: (message) => socket.send(JSON.stringify(message)) };
        this.sockets.add(link);
        socket.onclose = () => {
            this.sockets.delete(link);
            if (link.session?.link === link) link.session.link = null;
        };
        socket.onmessage = (text) => {
            const frame = JSON.parse(text);
            for (const message of Array.isArray(frame) ? frame : [frame]) this.#take(message, link);
        };
        const ticket = address.searchParams.get("ticket");
        if (ticket !== null) {
            if (this.tickets.delete(ticket)) this.#begin(link, "ticketed");
            else socket.close(4401, "no such ticket");
        }
    }

    #begin(link, player) {
        const id = `session${++this.#count}`;
        const session = {
            id, player, epoch: 1, seq: 0, ring: [], topics: new Set(), link, resumeToken: `${id}.secret`, acked: 0,
        };
        link.session = session;
        this.sessions.set(id, session);
        link.send({
            type: "event", event: "session.opened", timestamp: Date.now(),
            data: {
                session_id: id, player_id: player, resume_token: session.resumeToken, epoch: 1, grace_ms: 30_000,
                contract: this.contract,
            },
        });
    }

    #tokens(player, isNew) {
        const number = ++this.#count;
        this.accessTokens.set(`access${number}`, player);
        this.refreshTokens.set(`refresh${number}`, player);
        const now = Date.now();
        return {
            player_id: player, access_token: `access${number}`, access_expires_ms: now + this.accessLifetime,
            refresh_token: `refresh${number}`, refresh_expires_ms: now + 1e9, is_new: isNew,
        };
    }

    #take(message, link) {
        this.heard.push(message);
        this.wake?.();
        if (message.type === "ping") return link.send({ type: "pong", t: message.t, server: Date.now() });
        if (message.type === "ack") { link.session.acked = message.seq; return; }
        if (message.type !== "rpc") return;
        const { id, method, params } = message;
        let after = () => {};
        let reply;
        try {
            const own = this.calls.get(method);
            const result = own
                ? own(params, link, message)
                : this.#builtIn(method, params, link, (work) => { after = work; });
            if (result === undefined) return;
            reply = { type: "response", id, result };
        } catch (error) {
            if (error instanceof Error) throw error;
            reply = { type: "response", id, error };
        }
        if (id !== undefined) link.send(reply);
        after();
    }

    #builtIn(method, params, link, after) {
        switch (method) {
            case "auth.guest": {
                const isNew = !this.players.has(params.device_secret);
                if (isNew) this.players.set(params.device_secret, `player${this.players.size + 1}`);
                const player = this.players.get(params.device_secret);
                if (!link.session) this.#begin(link, player);
                return this.#tokens(player, isNew);
            }
            case "auth.token": {
                const player = this.accessTokens.get(params.access_token);
                if (!player) throw refusal("UNAUTHENTICATED", "this token is not good");
                if (!link.session) this.#begin(link, player);
                return { player_id: player };
            }
            case "auth.refresh": {
                const player = this.refreshTokens.get(params.refresh_token);
                if (!player) throw refusal("UNAUTHENTICATED", "this token was used before");
                this.refreshTokens.delete(params.refresh_token);
                return this.#tokens(player, false);
            }
            case "session.resume": return this.#resume(params, link, after);
            case "session.end":
                this.sessions.delete(link.session.id);
                return {};
            case "session.contract": return { matches: false, changed: ["arena.move"], missing: [], added: ["arena.jump"] };
            case "topic.subscribe":
                link.session.topics.add(params.topic);
                return { topic: params.topic, history: (this.history?.get(params.topic) ?? []).slice(-(params.last ?? 0) || Infinity) };
            case "topic.unsubscribe":
                link.session.topics.delete(params.topic);
                return {};
            case "topic.publish":
                after(() => this.publish(params.topic, params.data));
                return {};
            case "echo": return params;
            default: throw refusal("UNKNOWN_METHOD", `there is no ${method}`);
        }
    }

    #resume({ token, epoch, seq }, link, after) {
        const session = [...this.sessions.values()].find((one) => one.resumeToken === token);
        if (!session) throw refusal("NOT_FOUND", "this session is over");
        session.link?.socket.close(4409, "replaced");
        session.link = link;
        link.session = session;
        const missed = session.ring.filter((event) => event.seq > seq);
        const recovered = epoch === session.epoch && missed.length === session.seq - seq;
        if (recovered) after(() => missed.forEach((event) => link.send(event)));
        else session.epoch += 1;
        return {
            recovered, session_id: session.id, player_id: session.player, epoch: session.epoch, seq: session.seq,
            resume_token: session.resumeToken, ...(!recovered && { snapshot: { of: session.id } }),
        };
    }
}
