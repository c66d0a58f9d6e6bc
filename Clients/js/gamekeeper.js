// The Gamekeeper client: one module without dependencies, for browsers and for Node from version 20.
//
//     import { Gamekeeper } from "/client.js";
//     const game = new Gamekeeper();                    // this host, as a guest
//     game.on("player.hit", (hit) => show(hit));
//     await game.connect();
//     const hit = await game.call("player.attack", { target_id: "player_2", weapon: "sword" });
//
// A session outlives its socket. When the network breaks, the client comes back by itself, resumes the session, and is
// told every reliable event that it missed, once and in order. What was on its way is never guessed at: a call that
// carries a key is sent again, because the server knows the key; any other is rejected and says that it may have been
// applied.

/** The sub-protocol that this client speaks. */
export const PROTOCOL = "gamekeeper.v1.json";

const DEFAULTS = Object.freeze({
    callTimeout: 10_000, // ms until a call without an answer is rejected
    connectTimeout: 10_000, // ms for the socket to open and the server to know us
    pingInterval: 10_000, // ms
    silenceMax: 20_000, // ms without a word after a ping: the connection is gone
    stableAfter: 5_000, // ms a connection must hold before failures are forgotten
    backoffBase: 250, // ms, doubled with every attempt that fails
    backoffMax: 15_000, // ms
    attemptsMax: Infinity, // failed attempts in a row before the client gives up
    queuedCallsMax: 256, // calls that wait for the connection
    pendingCallsMax: 1_024, // calls without an answer
    bufferedBytesMax: 256 * 1024, // bytes that the socket has not sent; above it, `send` drops
});

// An ack is due after 64 events or 5 s; half of it leaves room for the way.
const ACK_EVENTS = 32;
const ACK_DELAY = 2_500;
// Round trips measured at the start of a connection, before the slow rhythm begins.
const EARLY_PINGS = 4;
const EARLY_PING_DELAY = 150;
const CLOCK_SAMPLES = 8;
// The server tells a session to end with one of these; coming back would not help, or not at once.
const CLOSE = Object.freeze({
    malformed: 4400, unauthenticated: 4401, kicked: 4403, replaced: 4409, ended: 4410, flooding: 4429,
    // Ours: there was a gap in the reliable events, or silence. The session is resumed on another socket.
    gap: 4900, silent: 4901, slow: 4902,
});
const FLOODING_PAUSE = 5_000;
const ERROR_GRACE = 50;

/**
 * Why a call failed. `code` is the server's (`INVALID_ARGUMENT`, `RATE_LIMITED`, …), or `TIMEOUT`, `UNAVAILABLE` or
 * `CANCELLED` from this side. `maybeApplied` says that the call left and nobody knows what became of it.
 */
export class GamekeeperError extends Error {
    constructor(code, message, { details, retry = false, retryAfterMs, maybeApplied = false, method } = {}) {
        super(message || code);
        this.name = "GamekeeperError";
        this.code = code;
        this.details = details;
        this.retry = retry;
        this.retryAfterMs = retryAfterMs;
        this.maybeApplied = maybeApplied;
        this.method = method;
    }
}

/** How long to wait before an attempt: anything up to a bound that doubles, so that many clients do not come as one. */
export function backoff(attempt, random, base = DEFAULTS.backoffBase, max = DEFAULTS.backoffMax) {
    return random() * Math.min(max, base * 2 ** Math.min(attempt, 30));
}

/** The server's clock as seen from here: the sample with the shortest round trip is the least wrong. */
export class ServerClock {
    #samples = [];
    offset = 0;
    roundTrip = undefined;

    add(sent, server, now) {
        const trip = now - sent;
        if (!(trip >= 0) || !Number.isFinite(server)) return;
        this.roundTrip = trip;
        this.#samples.push({ trip, offset: server + trip / 2 - now });
        if (this.#samples.length > CLOCK_SAMPLES) this.#samples.shift();
        this.offset = this.#samples.reduce((best, one) => (one.trip <= best.trip ? one : best)).offset;
    }
}

/** A name for a call that may be sent twice and happens once, or a secret for a device: 24 random bytes as text. */
export function randomKey() {
    const bytes = crypto.getRandomValues(new Uint8Array(24));
    return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_");
}

/** A connection to a game: calls, events, topics, requests of the server, over any number of sockets. */
export class Gamekeeper {
    #options;
    #world;
    #state = "idle";
    #socket = null;
    #isEntered = false; // authenticated on this socket
    #attempt = 0;
    #rejections = 0; // closed with 4401, in a row
    #turn = 0; // of opening: what an earlier turn waited for comes too late
    #timers = new Map();
    #connecting = null; // {promise, resolve, reject} of `connect()`

    #session = null; // {id, player, resumeToken, epoch, seq, graceMs, contract}
    #tokens = null;
    #clock = new ServerClock();
    #unacked = 0;
    #heardAt = 0;
    #askedAt = 0; // when the oldest ping left that nothing has followed
    #pingsLeft = 0;
    #awaitsOpening = null; // the end of `session.opened`
    #hasTicket = false;

    #nextID = 1;
    #nextSeq = 1;
    #pending = new Map(); // id → call
    #queued = []; // calls that wait for the session
    #listeners = new Map();
    #answers = new Map();
    #topics = new Map(); // full name → {listeners, last}

    constructor(options = {}) {
        this.#options = { ...DEFAULTS, ...options };
        this.#world = {
            WebSocket: options.WebSocket ?? globalThis.WebSocket,
            random: Math.random,
            now: () => performance.timeOrigin + performance.now(),
            setTimeout: (work, delay) => setTimeout(work, delay),
            clearTimeout: (timer) => clearTimeout(timer),
            ...options.world,
        };
        if (this.#world.WebSocket === undefined) {
            const advice = "give one as an option, or start Node 20 with --experimental-websocket";
            throw new TypeError(`there is no WebSocket here: ${advice}`);
        }
        socketAddress(this.#options.url); // a wrong one is said now
        this.#tokens = startTokens(this.#options.auth);
    }

    // MARK: What is known

    /** `idle`, `connecting`, `open`, `lost` or `closed`. */
    get state() { return this.#state; }
    get isOpen() { return this.#state === "open"; }
    /** The player's id, once the server has said it. */
    get player() { return this.#session?.player; }
    /** The session's id and epoch, and the last reliable event that arrived. */
    get session() {
        const session = this.#session;
        return session && { id: session.id, epoch: session.epoch, seq: session.seq, contract: session.contract };
    }
    /** The last measured round trip in ms. */
    get latency() { return this.#clock.roundTrip; }
    /** How far the server's clock is ahead of ours, in ms. */
    get clockOffset() { return this.#clock.offset; }
    /** The server's time in ms since 1970, as well as it can be known from here. */
    serverNow() { return this.#world.now() + this.#clock.offset; }

    // MARK: Coming and going

    /** Connects and logs in. Fulfilled when calls can be made; rejected when the server refuses us for good. */
    connect() {
        if (this.#connecting) return this.#connecting.promise;
        this.#connecting = deferred();
        this.#attempt = 0;
        this.#rejections = 0;
        this.#listenToNetwork(true);
        const { promise } = this.#connecting;
        this.#open();
        return promise;
    }

    /** Ends session and connection; calls that wait are rejected. `keep` leaves the session its grace period. */
    close({ keep = false } = {}) {
        if (this.#state === "idle" || this.#state === "closed") return;
        if (this.#isEntered && !keep) this.#write({ type: "rpc", method: "session.end", params: {} });
        this.#end({ reason: "closed by the client" }, keep);
    }

    /** Gives up the socket and comes back on another, after a while: to show or to test what a cut does. */
    reconnect({ after = 0 } = {}) {
        if (this.#state !== "open") return;
        this.#forgetSocket(CLOSE.slow);
        this.#failed(null, undefined, "cut on purpose", after);
    }

    #open() {
        const turn = ++this.#turn;
        this.#stopTimer("retry");
        this.#change("connecting", { attempt: this.#attempt });
        this.#address().then(
            (address) => { if (turn === this.#turn) this.#dial(address); },
            (error) => { if (turn === this.#turn) this.#failed(error); },
        );
    }

    async #address() {
        const address = socketAddress(this.#options.url);
        const { auth } = this.#options;
        this.#hasTicket = auth?.ticket !== undefined && this.#session === null;
        if (this.#hasTicket) address.searchParams.set("ticket", await auth.ticket());
        return address.href;
    }

    #dial(address) {
        let socket;
        try {
            socket = new this.#world.WebSocket(address, [PROTOCOL]);
        } catch (error) {
            return this.#end({ reason: String(error?.message ?? error), error });
        }
        this.#socket = socket;
        const isMine = (work) => (event) => { if (this.#socket === socket) work(event); };
        socket.onopen = isMine(() => this.#enter().catch(isMine((error) => this.#failed(error))));
        socket.onmessage = isMine((event) => this.#received(event.data));
        socket.onclose = isMine((event) => this.#lost(event.code, event.reason));
        // A close follows and says more; Node 20 forgets it when it never got through.
        socket.onerror = isMine(() => this.#timer("connect", ERROR_GRACE, () => this.#lost(1006, "unreachable")));
        this.#timer("connect", this.#options.connectTimeout, () => this.#drop(CLOSE.slow, "no answer"));
    }

    /** Makes the server know us on a new socket: the old session if there is one, else a new login. */
    async #enter() {
        const socket = this.#socket;
        this.#heardAt = this.#world.now();
        if (this.#session) {
            const { resumeToken: token, epoch, seq } = this.#session;
            try {
                return await this.#ask("session.resume", { token, epoch, seq }, (result) => this.#resumed(result));
            } catch (error) {
                if (this.#socket !== socket || error.retry) throw error;
                this.#session = null; // it is over; a new one begins
            }
        }
        const opening = (this.#awaitsOpening = deferred());
        if (this.#options.auth?.ticket) {
            // This socket came without one, to resume what turned out to be over.
            if (!this.#hasTicket) return this.#drop(CLOSE.slow, "a new ticket is needed");
        } else {
            await this.#authenticate();
        }
        await opening.promise;
        if (this.#socket === socket) this.#entered({ resumed: false });
    }

    async #authenticate() {
        const { auth } = this.#options;
        const ask = (method, params) => this.#ask(method, params);
        if (auth?.login) return this.#keep(await auth.login(ask));
        if (auth?.token !== undefined || auth?.refreshToken !== undefined) return this.#presentToken(ask);
        this.#keep(await ask("auth.guest", { device_secret: deviceSecret(auth?.guest) }));
    }

    #again() {
        this.#authenticate().catch((error) => { if (!error.maybeApplied) this.#report(error, "auth"); });
    }

    async #presentToken(ask) {
        const { auth } = this.#options;
        let renewed = false;
        for (;;) {
            if (typeof auth.token === "function") this.#tokens.access_token = await auth.token();
            if (!this.#tokens.access_token) { await this.#renew(ask); renewed = true; }
            try {
                return await ask("auth.token", { access_token: this.#tokens.access_token });
            } catch (error) {
                if (error.code !== "UNAUTHENTICATED" || renewed || !this.#tokens.refresh_token) throw error;
                this.#tokens.access_token = null; // too old
            }
        }
    }

    async #renew(ask) {
        const { refresh_token: refreshToken } = this.#tokens ?? {};
        if (!refreshToken) throw new GamekeeperError("UNAUTHENTICATED", "there is no token to renew with");
        this.#keep(await ask("auth.refresh", { refresh_token: refreshToken }));
    }

    #keep(tokens) {
        if (!tokens?.access_token) return;
        this.#tokens = tokens;
        this.#emit("client:tokens", tokens);
    }

    /** A refresh token works once, so it is used early, and never by two calls at a time. */
    #scheduleRefresh() {
        const { refresh_token: refreshToken, access_expires_ms: expires } = this.#tokens ?? {};
        if (!refreshToken || !(expires > 0)) return;
        const left = expires - this.serverNow();
        const early = Math.min(60_000, left / 5) + this.#world.random() * Math.min(10_000, left / 20);
        this.#timer("refresh", Math.min(Math.max(left - early, 0), 2 ** 31 - 1), () => this.#refresh());
    }

    #refresh() {
        if (!this.#isEntered || !this.#tokens?.refresh_token) return;
        const ask = (method, params) => this.#ask(method, params);
        this.#renew(ask).then(
            () => this.#scheduleRefresh(),
            (error) => { if (!error.maybeApplied) this.#report(error, "auth.refresh"); },
        );
    }

    #resumed(result) {
        const session = this.#session;
        if (result.session_id !== undefined) session.id = result.session_id;
        if (result.player_id !== undefined) session.player = result.player_id;
        if (result.resume_token !== undefined) session.resumeToken = result.resume_token;
        if (!result.recovered || result.epoch !== session.epoch) {
            session.epoch = result.epoch;
            session.seq = result.seq;
        }
        this.#entered({ resumed: true, recovered: result.recovered === true, snapshot: result.snapshot });
    }

    #entered(detail) {
        this.#isEntered = true;
        this.#timer("stable", this.#options.stableAfter, () => { this.#attempt = this.#rejections = 0; });
        this.#awaitsOpening = null;
        this.#stopTimer("connect");
        this.#change("open", { ...detail, player: this.player, session: this.#session.id });
        if (!this.#isEntered) return; // a listener closed us
        for (const call of this.#pending.values()) if (!call.isInternal) this.#transmit(call);
        for (const call of this.#queued.splice(0)) this.#launch(call);
        if (!detail.recovered) this.#subscribeAgain();
        // The session came back without a token, but the last socket was closed for want of a good one.
        if (this.#rejections > 0 && detail.resumed) this.#again();
        this.#scheduleRefresh();
        this.#pingsLeft = EARLY_PINGS;
        this.#ping();
        this.#compareContracts();
        this.#connecting?.resolve(this);
    }

    #lost(code, reason) {
        this.#forgetSocket();
        if (code === CLOSE.unauthenticated) {
            this.#rejections += 1;
            if (this.#tokens) this.#tokens.access_token = null;
        }
        const final = {
            [CLOSE.kicked]: "kicked", [CLOSE.replaced]: "replaced",
            [CLOSE.malformed]: this.#attempt > 2 ? "malformed" : undefined,
            [CLOSE.unauthenticated]: this.#rejections > 2 ? "unauthenticated" : undefined,
        }[code];
        if (final) return this.#end({ code, reason: reason || final });
        if (code === CLOSE.ended) this.#session = null;
        this.#failed(null, code, reason, code === CLOSE.flooding ? FLOODING_PAUSE : 0);
    }

    /** This attempt came to nothing. Who may try again does; a refusal is final. */
    #failed(error, code, reason, pause = 0) {
        this.#forgetSocket(CLOSE.slow);
        const isRefusal = error instanceof GamekeeperError && !error.retry && error.code !== "INTERNAL";
        if (isRefusal) return this.#end({ reason: error.message, error });
        const { attemptsMax, backoffBase, backoffMax } = this.#options;
        if (this.#attempt >= attemptsMax) return this.#end({ code, reason: reason || "unreachable", error });
        const jittered = backoff(this.#attempt, this.#world.random, backoffBase, backoffMax);
        const delay = Math.max(jittered, pause, error?.retryAfterMs ?? 0);
        this.#attempt += 1;
        this.#timer("retry", delay, () => this.#open());
        this.#change("lost", { code, reason: reason || error?.message, retryInMs: delay, attempt: this.#attempt });
    }

    /** The socket is of no use any more. Calls that left are settled by what is known about them. */
    #forgetSocket(code) {
        const socket = this.#socket;
        this.#socket = null;
        this.#isEntered = false;
        for (const name of ["connect", "stable", "ping", "ack", "refresh"]) this.#stopTimer(name);
        if (socket) {
            socket.onopen = socket.onmessage = socket.onclose = null;
            if (code !== undefined) try { socket.close(code); } catch { /* it never opened */ }
        }
        this.#awaitsOpening?.reject(lostOnTheWay("session.opened"));
        this.#awaitsOpening = null;
        for (const call of [...this.#pending.values()]) {
            if (!call.isInternal && (call.key !== undefined || call.isRepeatable)) continue;
            this.#settle(call, lostOnTheWay(call.method));
        }
    }

    #drop(code, reason) {
        this.#forgetSocket(code);
        this.#failed(null, code, reason);
    }

    #end(detail, keepsSession = false) {
        this.#turn += 1;
        this.#state = "closed"; // before anything is rejected, so that nobody comes back from a listener
        this.#forgetSocket(1000);
        for (const name of [...this.#timers.keys()]) this.#stopTimer(name);
        this.#listenToNetwork(false);
        const error = detail.error instanceof GamekeeperError
            ? detail.error
            : new GamekeeperError("UNAVAILABLE", `the connection is closed: ${detail.reason}`);
        for (const call of [...this.#pending.values(), ...this.#queued.splice(0)]) this.#settle(call, error);
        if (!keepsSession) this.#session = null;
        const waiting = this.#connecting;
        this.#connecting = null;
        this.#change("closed", detail);
        waiting?.reject(error);
    }

    #change(state, detail) {
        this.#state = state;
        this.#emit("client:state", { state, ...detail });
    }

    // A browser knows when the network is back, and when somebody looks again.
    #listenToNetwork(listens) {
        const place = globalThis.window;
        if (!place?.addEventListener) return;
        for (const name of ["online", "pageshow", "focus"]) {
            if (listens) place.addEventListener(name, this.#hurry);
            else place.removeEventListener(name, this.#hurry);
        }
    }

    #hurry = () => {
        if (this.#isEntered) this.#ping();
        else if (this.#timers.has("retry")) this.#open();
    };

    // MARK: Calls

    /**
     * Calls a method and waits for its answer.
     * Options: `timeout` in ms; `key`, so that it happens once even when it is sent twice (`true` makes one);
     * `repeatable` for a call that does no harm when it happens twice; `signal`.
     */
    call(method, params = {}, { timeout, key, repeatable = false, signal } = {}) {
        const call = this.#makeCall(method, params, timeout ?? this.#options.callTimeout);
        call.tellsDeadline = timeout !== undefined && Number.isFinite(timeout);
        call.isRepeatable = repeatable;
        if (key !== undefined && key !== false) call.key = key === true ? randomKey() : String(key);
        const isOff = this.#state === "idle" || this.#state === "closed";
        if (signal?.aborted) this.#settle(call, cancelled(method, false));
        else if (isOff) this.#settle(call, notSent(method, "not connected"));
        else if (this.#isEntered) this.#launch(call);
        else if (this.#queued.length < this.#options.queuedCallsMax) this.#queued.push(call);
        else this.#settle(call, notSent(method, "too many calls wait for the connection"));
        if (signal && !call.isSettled) {
            call.signal = signal;
            call.abort = () => this.#settle(call, cancelled(method, call.id !== undefined));
            signal.addEventListener("abort", call.abort, { once: true });
        }
        return call.promise;
    }

    /** Tells the server something and expects no answer. Without a connection it is dropped, and `false` returned. */
    send(method, params = {}) {
        if (!this.#isEntered || this.#socket.bufferedAmount > this.#options.bufferedBytesMax) return false;
        return this.#write({ type: "rpc", method, params, seq: this.#nextSeq++ });
    }

    #makeCall(method, params, timeout) {
        const call = { method, params, ...deferred(), deadline: this.#world.now() + timeout };
        if (Number.isFinite(timeout)) {
            call.timer = this.#world.setTimeout(() => {
                const options = { retry: true, maybeApplied: call.id !== undefined, method };
                this.#settle(call, new GamekeeperError("TIMEOUT", `no answer to ${method} in time`, options));
            }, timeout);
        }
        return call;
    }

    /** A call of the client's own, on this socket and no other; `heard` runs before the next message is looked at. */
    #ask(method, params, heard) {
        const call = this.#makeCall(method, params, this.#options.connectTimeout);
        call.isInternal = true;
        call.heard = heard;
        this.#launch(call);
        return call.promise;
    }

    #launch(call) {
        if (call.isSettled) return;
        if (this.#pending.size >= this.#options.pendingCallsMax) {
            return this.#settle(call, notSent(call.method, "too many calls without an answer"));
        }
        call.id = this.#nextID++;
        this.#pending.set(call.id, call);
        this.#transmit(call);
    }

    #transmit(call) {
        const message = { type: "rpc", id: call.id, method: call.method, params: call.params };
        if (call.key !== undefined) message.key = call.key;
        if (call.tellsDeadline) message.deadline_ms = Math.max(1, Math.round(call.deadline - this.#world.now()));
        try {
            // A socket that is closing will say so, and that settles what is pending.
            if (!this.#write(message) && call.isInternal) this.#settle(call, lostOnTheWay(call.method));
        } catch (error) {
            const reason = `the params can't be sent: ${error.message}`;
            this.#settle(call, new GamekeeperError("INVALID_ARGUMENT", reason, { method: call.method }));
        }
    }

    #settle(call, error, result) {
        if (call.isSettled) return;
        call.isSettled = true;
        this.#world.clearTimeout(call.timer);
        call.signal?.removeEventListener("abort", call.abort);
        if (call.id !== undefined) this.#pending.delete(call.id);
        else if (this.#queued.length > 0) this.#queued = this.#queued.filter((one) => one !== call);
        if (error) call.reject(error);
        else call.resolve(result);
    }

    #write(message) {
        const socket = this.#socket;
        const text = JSON.stringify(message);
        if (!socket || socket.readyState !== 1) return false;
        socket.send(text);
        return true;
    }

    // MARK: Events

    /** Listens to an event by its name. `listener(data, event)`; events of topics come under the family's name too. */
    on(name, listener) {
        let all = this.#listeners.get(name);
        if (!all) this.#listeners.set(name, (all = new Set()));
        all.add(listener);
        return () => this.off(name, listener);
    }

    /** Listens until it has happened once. */
    once(name, listener) {
        const off = this.on(name, (data, event) => { off(); listener(data, event); });
        return off;
    }

    /** Listens no more. */
    off(name, listener) {
        const all = this.#listeners.get(name);
        all?.delete(listener);
        if (all?.size === 0) this.#listeners.delete(name);
    }

    #emit(name, data, event) {
        for (const listener of [...(this.#listeners.get(name) ?? [])]) this.#run(name, listener, data, event);
    }

    // A listener that fails must not take the connection along.
    #run(name, listener, data, event) {
        try {
            const result = listener(data, event);
            if (typeof result?.then === "function") result.then(undefined, (error) => this.#report(error, name));
        } catch (error) {
            this.#report(error, name);
        }
    }

    #report(error, where) {
        const isHeard = where !== "client:error" && this.#listeners.has("client:error");
        if (isHeard) this.#emit("client:error", error, { where });
        else console.error(`gamekeeper: ${where}:`, error);
    }

    // MARK: Topics

    /**
     * Subscribes to a topic, and again on every new session. `last` asks for messages from before.
     * Returns `{ topic, history, publish(data), unsubscribe() }`.
     */
    async subscribe(topic, listener, { last } = {}) {
        const entry = this.#topics.get(topic) ?? { listeners: new Set(), last };
        if (listener) entry.listeners.add(listener);
        this.#topics.set(topic, entry);
        let result;
        try {
            result = await this.call("topic.subscribe", { topic, ...(last && { last }) }, { repeatable: true });
        } catch (error) {
            entry.listeners.delete(listener);
            if (entry.listeners.size === 0 && this.#topics.get(topic) === entry) this.#topics.delete(topic);
            throw error;
        }
        return {
            topic,
            history: result?.history ?? [],
            publish: (data, options) => this.publish(topic, data, options),
            unsubscribe: async () => {
                entry.listeners.delete(listener);
                if (entry.listeners.size > 0 || this.#topics.get(topic) !== entry) return;
                this.#topics.delete(topic);
                await this.call("topic.unsubscribe", { topic }, { repeatable: true });
            },
        };
    }

    /** Publishes to a topic where the contract allows it. */
    publish(topic, data, options) { return this.call("topic.publish", { topic, data }, options); }

    // A session that is new, or that could not be recovered, knows nothing of what we listened to.
    #subscribeAgain() {
        for (const [topic, { last }] of this.#topics) {
            this.call("topic.subscribe", { topic, ...(last && { last }) }).then(
                (result) => this.#emit("client:history", { topic, history: result?.history ?? [] }),
                (error) => { if (!error.maybeApplied) this.#report(error, `topic ${topic}`); },
            );
        }
    }

    // MARK: What the server asks

    /** Answers a request of the server: `game.answer("client.confirm", async (params) => ({ agreed: true }))`. */
    answer(method, handler) {
        this.#answers.set(method, handler);
        return () => { if (this.#answers.get(method) === handler) this.#answers.delete(method); };
    }

    async #answerRequest({ id, method, params, timeout_ms: timeout }) {
        const socket = this.#socket;
        const until = this.#world.now() + (timeout ?? Infinity);
        const reply = { type: "response", id };
        const handler = this.#answers.get(method);
        try {
            if (!handler) throw new GamekeeperError("UNKNOWN_METHOD", `this client does not answer ${method}`);
            reply.result = (await handler(params ?? {}, { method, timeoutMs: timeout })) ?? {};
        } catch (error) {
            if (error instanceof GamekeeperError) {
                reply.error = { code: error.code, message: error.message, details: error.details };
            } else {
                this.#report(error, method);
                reply.error = { code: "INTERNAL", message: "the client failed to answer" };
            }
        }
        // Nobody waits for an answer that is too late, or that comes over another socket.
        if (this.#socket === socket && this.#world.now() < until) this.#write(reply);
    }

    // MARK: What arrives

    #received(text) {
        this.#heardAt = this.#world.now();
        let frame;
        try { frame = JSON.parse(text); } catch { return this.#drop(CLOSE.malformed, "the server sent no JSON"); }
        if (!Array.isArray(frame)) return this.#take(frame);
        const socket = this.#socket;
        for (const message of frame) if (this.#socket === socket) this.#take(message);
    }

    // What a newer server says beyond this is ignored.
    #take(message) {
        switch (message?.type) {
            case "response": return this.#takeResponse(message);
            case "event": return this.#takeEvent(message);
            case "request":
                return void this.#answerRequest(message).catch((error) => this.#report(error, message.method));
            case "pong": return this.#takePong(message);
        }
    }

    #takeResponse({ id, result, error }) {
        const call = this.#pending.get(id);
        if (!call) {
            // Fire-and-forget calls have no id, and neither has the answer to a message that was no call.
            if (id === undefined && error) this.#report(told(error), "a message without an answer");
            return;
        }
        if (error) return this.#settle(call, told(error, call.method));
        try { call.heard?.(result); } catch (problem) { return this.#settle(call, problem); }
        this.#settle(call, null, result);
    }

    #takeEvent(message) {
        if (message.event === "session.opened" && message.seq === undefined) this.#opened(message.data);
        if (message.seq !== undefined && !this.#isNext(message.seq)) return;
        const { event: name, data, topic, room, seq, timestamp, trace } = message;
        const event = { name, topic, room, seq, timestamp, trace };
        const subscribers = this.#topics.get(topic)?.listeners ?? [];
        for (const listener of [...subscribers]) this.#run(topic, listener, data, event);
        this.#emit(name, data, event);
        this.#emit("client:any", data, event);
    }

    /** Reliable events come once and in order. One that is known already is dropped; a gap is never passed over. */
    #isNext(seq) {
        const session = this.#session;
        if (!session || seq <= session.seq) return false;
        if (seq !== session.seq + 1) {
            this.#drop(CLOSE.gap, `event ${session.seq + 1} is missing`);
            return false;
        }
        session.seq = seq;
        this.#unacked += 1;
        if (this.#unacked >= ACK_EVENTS) this.#ack();
        else if (!this.#timers.has("ack")) this.#timer("ack", ACK_DELAY, () => this.#ack());
        return true;
    }

    #ack() {
        this.#stopTimer("ack");
        if (this.#unacked === 0 || !this.#isEntered) return;
        this.#unacked = 0;
        this.#write({ type: "ack", seq: this.#session.seq });
    }

    #opened({ session_id: id, player_id: player, resume_token: resumeToken, epoch, grace_ms: graceMs, contract }) {
        const seq = this.#session?.id === id && this.#session.epoch === epoch ? this.#session.seq : 0;
        this.#session = { id, player, resumeToken, epoch, seq, graceMs, contract };
        this.#awaitsOpening?.resolve();
    }

    #compareContracts() {
        const { contract } = this.#options;
        const theirs = this.#session.contract;
        if (!contract?.hash || theirs?.hash === contract.hash) return;
        this.#ask("session.contract", { hash: contract.hash, calls: contract.calls ?? {} }).then(
            (found) => { if (!found.matches) this.#emit("client:contract", { ...found, server: theirs }); },
            (error) => { if (!error.maybeApplied) this.#report(error, "session.contract"); },
        );
    }

    // MARK: Clocks and timers

    #ping() {
        const now = this.#world.now();
        // Timers of a hidden page come late, so silence counts from a ping and not from the last word.
        if (this.#heardAt >= this.#askedAt) this.#askedAt = now;
        else if (now - this.#askedAt > this.#options.silenceMax) return this.#drop(CLOSE.silent, "silence");
        const isEarly = this.#pingsLeft > 0;
        if (isEarly) this.#pingsLeft -= 1;
        this.#write({ type: "ping", t: now });
        this.#timer("ping", isEarly ? EARLY_PING_DELAY : this.#options.pingInterval, () => this.#ping());
    }

    #takePong({ t, server }) {
        this.#clock.add(t, server, this.#world.now());
        this.#emit("client:latency", { roundTripMs: this.#clock.roundTrip, offsetMs: this.#clock.offset });
    }

    #timer(name, delay, work) {
        this.#stopTimer(name);
        this.#timers.set(name, this.#world.setTimeout(() => { this.#timers.delete(name); work(); }, delay));
    }

    #stopTimer(name) {
        this.#world.clearTimeout(this.#timers.get(name));
        this.#timers.delete(name);
    }
}

// MARK: Pieces

/** A promise and its ends. Whoever does not look at it is not punished for its rejection. */
function deferred() {
    let resolve, reject;
    const promise = new Promise((yes, no) => { resolve = yes; reject = no; });
    promise.catch(() => {});
    return { promise, resolve, reject };
}

/** An error as the server told it. */
function told(error, method) {
    const { code = "INTERNAL", message, details, retry, retry_after_ms: retryAfterMs } = error ?? {};
    return new GamekeeperError(code, message, { details, retry: retry === true, retryAfterMs, method });
}

function lostOnTheWay(method) {
    return new GamekeeperError("UNAVAILABLE", "the connection was lost", { retry: true, maybeApplied: true, method });
}

/** It never left, so it can be sent again. */
function notSent(method, reason) {
    return new GamekeeperError("UNAVAILABLE", reason, { retry: true, method });
}

function cancelled(method, maybeApplied) {
    return new GamekeeperError("CANCELLED", `${method} was cancelled`, { maybeApplied, method });
}

function startTokens(auth) {
    const { token, refreshToken } = auth ?? {};
    return { access_token: typeof token === "string" ? token : null, refresh_token: refreshToken ?? null };
}

/** `https://host` and nothing at all both lead to the place where sockets are taken. */
export function socketAddress(url) {
    const address = new URL(url ?? "", globalThis.location?.href);
    if (url === undefined) address.pathname = "/";
    address.protocol = { "http:": "ws:", "https:": "wss:" }[address.protocol] ?? address.protocol;
    if (address.pathname === "/") address.pathname = "/v1/connect";
    address.hash = "";
    if (url === undefined) address.search = "";
    return address;
}

/** What makes a guest the same player the next time. Where nothing can be kept, he is a new one each time. */
function deviceSecret(guest) {
    if (typeof guest?.secret === "string") return guest.secret;
    const name = guest?.name ?? "gamekeeper.device";
    try {
        const storage = guest?.storage ?? globalThis.localStorage;
        const known = storage?.getItem(name);
        if (known) return known;
        const fresh = randomKey();
        storage?.setItem(name, fresh);
        return fresh;
    } catch {
        return randomKey(); // a browser that keeps nothing for us
    }
}
