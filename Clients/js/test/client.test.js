import assert from "node:assert/strict";
import { test } from "node:test";
import { Gamekeeper, GamekeeperError, ServerClock, backoff, randomKey, socketAddress } from "../gamekeeper.js";
import { FakeServer } from "../fake/server.js";

process.on("unhandledRejection", (error) => { throw error; });

const SECRET = "a-device-secret-of-a-test";

async function stage(t, options = {}, prepare = () => {}) {
    const server = await FakeServer.start();
    prepare(server);
    const game = new Gamekeeper({
        url: server.url, auth: { guest: { secret: SECRET } }, backoffBase: 1, backoffMax: 20, ...options,
    });
    t.after(async () => {
        game.close();
        await server.stop();
    });
    return { server, game };
}

/** The next state change that satisfies the test. */
function state(game, test) {
    return new Promise((resolve) => {
        const off = game.on("client:state", (change) => { if (test(change)) { off(); resolve(change); } });
    });
}

const only = (sessions) => [...sessions.values()][0];
const isOpen = (change) => change.state === "open";
const rejects = (promise, fields) => assert.rejects(promise, (error) => {
    assert.ok(error instanceof GamekeeperError);
    for (const [name, value] of Object.entries(fields)) assert.deepEqual(error[name], value, name);
    return true;
});

// MARK: Calls

test("a guest calls and is answered", async (t) => {
    const { server, game } = await stage(t);
    assert.equal(await game.connect(), game);
    assert.deepEqual(await game.call("echo", { text: "hello" }), { text: "hello" });
    assert.equal(game.player, "player1");
    assert.equal(game.state, "open");
    assert.equal(server.heard.find((one) => one.method === "auth.guest").params.device_secret, SECRET);
});

test("answers find their calls in any order", async (t) => {
    const waiting = [];
    const { game } = await stage(t, {}, (server) => {
        server.calls.set("later", (params, link, { id }) => { waiting.push({ params, link, id }); });
    });
    await game.connect();
    const calls = [1, 2, 3].map((number) => game.call("later", { number }));
    await game.call("echo");
    // All answers in one frame, last one first.
    waiting[0].link.send(waiting.reverse().map(({ params, id }) => ({ type: "response", id, result: params })));
    assert.deepEqual(await Promise.all(calls), [{ number: 1 }, { number: 2 }, { number: 3 }]);
});

test("a refusal arrives with everything the server said", async (t) => {
    const { game } = await stage(t, {}, (server) => {
        server.calls.set("refused", () => {
            throw { code: "RATE_LIMITED", message: "slower", details: { left: 0 }, retry: true, retry_after_ms: 250 };
        });
    });
    await game.connect();
    await rejects(game.call("refused"), {
        code: "RATE_LIMITED", message: "slower", details: { left: 0 }, retry: true, retryAfterMs: 250, maybeApplied: false,
        method: "refused",
    });
    await rejects(game.call("nonsense"), { code: "UNKNOWN_METHOD", retry: false });
});

test("a call without an answer ends, and says that it may have been applied", async (t) => {
    const { server, game } = await stage(t, {}, (server) => server.calls.set("silent", () => undefined));
    await game.connect();
    await rejects(game.call("silent", {}, { timeout: 20 }), { code: "TIMEOUT", retry: true, maybeApplied: true });
    const deadline = server.heard.find((one) => one.method === "silent").deadline_ms;
    assert.ok(deadline > 0 && deadline <= 20);
});

test("a call can be given up", async (t) => {
    const { game } = await stage(t, {}, (server) => server.calls.set("silent", () => undefined));
    await game.connect();
    const giveUp = new AbortController();
    const call = game.call("silent", {}, { signal: giveUp.signal });
    giveUp.abort();
    await rejects(call, { code: "CANCELLED", maybeApplied: true });
    await rejects(game.call("silent", {}, { signal: giveUp.signal }), { code: "CANCELLED", maybeApplied: false });
});

test("params that are no JSON are refused here", async (t) => {
    const { game } = await stage(t);
    await game.connect();
    await rejects(game.call("echo", { big: 1n }), { code: "INVALID_ARGUMENT" });
    assert.deepEqual(await game.call("echo", { small: 1 }), { small: 1 });
});

test("calls wait for the connection, within a bound", async (t) => {
    const { game } = await stage(t, { queuedCallsMax: 2 });
    await rejects(game.call("echo"), { code: "UNAVAILABLE", maybeApplied: false });
    const connected = game.connect();
    const calls = [game.call("echo", { n: 1 }), game.call("echo", { n: 2 })];
    await rejects(game.call("echo", { n: 3 }), { code: "UNAVAILABLE", retry: true, maybeApplied: false });
    await connected;
    assert.deepEqual(await Promise.all(calls), [{ n: 1 }, { n: 2 }]);
});

test("no more calls are open than agreed", async (t) => {
    const { game } = await stage(t, { pendingCallsMax: 1 }, (server) => server.calls.set("silent", () => undefined));
    await game.connect();
    const first = game.call("silent");
    await rejects(game.call("echo"), { code: "UNAVAILABLE", maybeApplied: false });
    game.close();
    await rejects(first, { code: "UNAVAILABLE" });
});

test("what is sent without an answer is numbered, and dropped where there is no connection", async (t) => {
    const { server, game } = await stage(t);
    assert.equal(game.send("move", { x: 0 }), false);
    await game.connect();
    assert.equal(game.send("move", { x: 1 }), true);
    assert.equal(game.send("move", { x: 2 }), true);
    await game.call("echo");
    const moves = server.heard.filter((one) => one.method === "move");
    assert.deepEqual(moves.map(({ seq, id, params }) => [seq, id, params.x]), [[1, undefined, 1], [2, undefined, 2]]);
});

// MARK: Events, topics, requests

test("events reach who listens, as long as he listens", async (t) => {
    const { server, game } = await stage(t);
    await game.connect();
    const heard = [];
    const off = game.on("hit", (data, { seq }) => heard.push([data.power, seq]));
    game.once("hit", (data) => heard.push(["once", data.power]));
    const session = only(server.sessions);
    server.tell(session, "hit", { power: 1 });
    server.tell(session, "hit", { power: 2 });
    await game.call("echo");
    off();
    server.tell(session, "hit", { power: 3 });
    await game.call("echo");
    assert.deepEqual(heard, [[1, 1], ["once", 1], [2, 2]]);
});

test("a listener that fails is told of, and disturbs nobody", async (t) => {
    const { server, game } = await stage(t);
    const told = [];
    game.on("client:error", (error) => told.push(error.message));
    game.on("hit", () => { throw new Error("at once"); });
    game.on("hit", async () => { throw new Error("later"); });
    let after = 0;
    game.on("hit", () => { after += 1; });
    await game.connect();
    server.tell(only(server.sessions), "hit", {});
    await game.call("echo");
    await game.call("echo");
    assert.equal(after, 1);
    assert.deepEqual(told.sort(), ["at once", "later"]);
});

test("a topic brings its history, then its messages, until it is left", async (t) => {
    const { server, game } = await stage(t);
    server.publish("chat:lobby", { text: "before" });
    await game.connect();
    const heard = [];
    const all = [];
    game.on("chat", (data, { topic }) => all.push([topic, data.text]));
    const lobby = await game.subscribe("chat:lobby", (data) => heard.push(data.text), { last: 5 });
    assert.deepEqual(lobby.history, [{ text: "before" }]);
    await lobby.publish({ text: "now" });
    await game.call("echo");
    assert.deepEqual(heard, ["now"]);
    assert.deepEqual(all, [["chat:lobby", "now"]]);
    await lobby.unsubscribe();
    server.publish("chat:lobby", { text: "after" });
    await game.call("echo");
    assert.deepEqual(heard, ["now"]);
});

test("the server asks, and is answered or told why not", async (t) => {
    const { server, game } = await stage(t);
    game.on("client:error", () => {});
    game.answer("client.confirm", async ({ question }) => ({ agreed: question === "well?" }));
    game.answer("client.refuse", () => { throw new GamekeeperError("INVALID_ACTION", "no", { details: { why: 1 } }); });
    game.answer("client.fail", () => { throw new Error("a secret"); });
    await game.connect();
    const session = only(server.sessions);
    server.ask(session, "q1", "client.confirm", { question: "well?" });
    server.ask(session, "q2", "client.refuse", {});
    server.ask(session, "q3", "client.fail", {});
    server.ask(session, "q4", "client.unknown", {});
    const answer = (id) => server.hears((one) => one.type === "response" && one.id === id);
    assert.deepEqual((await answer("q1")).result, { agreed: true });
    assert.deepEqual((await answer("q2")).error, { code: "INVALID_ACTION", message: "no", details: { why: 1 } });
    assert.deepEqual((await answer("q3")).error, { code: "INTERNAL", message: "the client failed to answer" });
    assert.equal((await answer("q4")).error.code, "UNKNOWN_METHOD");
});

test("events are acknowledged before the server has to wait", async (t) => {
    const { server, game } = await stage(t);
    await game.connect();
    const session = only(server.sessions);
    for (let i = 0; i < 40; i += 1) server.tell(session, "tick", { i });
    const { seq } = await server.hears((one) => one.type === "ack");
    assert.equal(seq, 32);
});

// MARK: Coming back

test("a cut connection is resumed, and nothing reliable is missed or heard twice", async (t) => {
    const { server, game } = await stage(t);
    const heard = [];
    const states = [];
    game.on("tick", ({ i }) => heard.push(i));
    game.on("client:state", (change) => states.push(change.resumed ? "resumed" : change.state));
    await game.connect();
    const session = only(server.sessions);
    for (let round = 0; round < 5; round += 1) {
        server.tell(session, "tick", { i: 3 * round });
        const back = state(game, isOpen);
        server.cutAll();
        server.tell(session, "tick", { i: 3 * round + 1 });
        server.tell(session, "tick", { i: 3 * round + 2 });
        const { resumed, recovered } = await back;
        assert.deepEqual([resumed, recovered], [true, true]);
    }
    await game.call("echo");
    assert.deepEqual(heard, Array.from({ length: 15 }, (_, i) => i));
    assert.equal(server.sessions.size, 1);
    assert.deepEqual(states.slice(0, 5), ["connecting", "open", "lost", "connecting", "resumed"]);
});

for (const seed of [1, 2, 3, 4]) {
    test(`whatever is cut, every event is heard once and every keyed call is answered, seed ${seed}`, async (t) => {
        const applied = new Map(); // key → how often it happened
        const { server, game } = await stage(t, { queuedCallsMax: 1_000 }, (server) => {
            server.calls.set("buy", ({ item }, link, { key }) => {
                applied.set(key, item); // the server knows a key, so twice is once
                return { item };
            });
        });
        let state = seed;
        const random = (below) => {
            state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
            return Math.floor((state / 2 ** 32) * below);
        };
        const heard = [];
        game.on("tick", ({ i }) => heard.push(i));
        await game.connect();
        const session = only(server.sessions);
        const calls = [];
        let told = 0;
        for (let step = 0; step < 400; step += 1) {
            switch (random(8)) {
                case 0: server.cutAll(); break;
                case 1: game.reconnect({ after: random(3) }); break;
                case 2: server.closeAll([1001, 4408, 1011][random(3)]); break;
                case 3: await new Promise((go) => setImmediate(go)); break;
                case 4: await new Promise((go) => setTimeout(go, random(3))); break;
                case 5: calls.push(game.call("buy", { item: calls.length }, { key: `key${calls.length}` })); break;
                default: server.tell(session, "tick", { i: told++ });
            }
        }
        const answers = await Promise.all(calls);
        await game.call("echo", {}, { repeatable: true });
        assert.deepEqual(answers.map(({ item }) => item), answers.map((_, i) => i));
        assert.deepEqual(heard, Array.from({ length: told }, (_, i) => i));
        assert.equal(applied.size, calls.length);
        assert.equal(server.sessions.size, 1);
    });
}

test("what was on its way is sent again with a key, and rejected without one", async (t) => {
    let seen = 0;
    const { server, game } = await stage(t, {}, (server) => {
        server.calls.set("buy", (params, link) => {
            seen += 1;
            if (seen <= 3) return undefined; // the first three never get an answer
            return { bought: params.item };
        });
    });
    await game.connect();
    const keyed = game.call("buy", { item: "sword" }, { key: true });
    const repeatable = game.call("buy", { item: "look" }, { repeatable: true });
    const plain = game.call("buy", { item: "shield" });
    await server.hears((one) => one.params?.item === "shield");
    server.cutAll();
    await rejects(plain, { code: "UNAVAILABLE", retry: true, maybeApplied: true });
    assert.deepEqual(await keyed, { bought: "sword" });
    assert.deepEqual(await repeatable, { bought: "look" });
    const keys = server.heard.filter((one) => one.params?.item === "sword").map((one) => one.key);
    assert.equal(keys.length, 2);
    assert.equal(keys[0], keys[1]);
    assert.match(keys[0], /^[\w-]{32}$/);
});

test("where the window is gone, the client gets a snapshot and starts from there", async (t) => {
    const { server, game } = await stage(t, {}, (server) => { server.ringMax = 1; });
    const heard = [];
    game.on("tick", ({ i }) => heard.push(i));
    await game.connect();
    await game.subscribe("chat");
    const session = only(server.sessions);
    const back = state(game, isOpen);
    server.cutAll();
    for (let i = 0; i < 3; i += 1) server.tell(session, "tick", { i });
    const change = await back;
    assert.deepEqual([change.resumed, change.recovered, change.snapshot], [true, false, { of: session.id }]);
    assert.deepEqual([game.session.epoch, game.session.seq], [2, 3]);
    server.tell(session, "tick", { i: 9 });
    await game.call("echo");
    assert.deepEqual(heard, [9]);
});

test("when the session is over, a new one begins, with the same topics", async (t) => {
    const { server, game } = await stage(t);
    await game.connect();
    const heard = [];
    await game.subscribe("chat", (data) => heard.push(data.text));
    const back = state(game, isOpen);
    server.sessions.clear();
    server.cutAll();
    assert.equal((await back).resumed, false);
    await game.call("echo");
    server.publish("chat", { text: "hello again" });
    await game.call("echo");
    assert.deepEqual(heard, ["hello again"]);
    assert.equal(game.player, "player1");
});

test("a gap in the reliable events is never passed over", async (t) => {
    const { server, game } = await stage(t);
    const heard = [];
    game.on("tick", ({ i }) => heard.push(i));
    await game.connect();
    const session = only(server.sessions);
    const { link } = session;
    const back = state(game, isOpen);
    session.link = null; // this one goes to the ring only
    server.tell(session, "tick", { i: 0 });
    session.link = link;
    server.tell(session, "tick", { i: 1 });
    await back;
    await game.call("echo");
    assert.deepEqual(heard, [0, 1]);
});

test("an event that is heard twice counts once", async (t) => {
    const { server, game } = await stage(t);
    const heard = [];
    game.on("tick", ({ i }) => heard.push(i));
    await game.connect();
    const session = only(server.sessions);
    server.tell(session, "tick", { i: 0 });
    session.link.send(session.ring[0]);
    await game.call("echo");
    assert.deepEqual(heard, [0]);
});

test("the server may be away for a while", async (t) => {
    const { server, game } = await stage(t, {}, (server) => { server.refusesUpgrades = true; });
    let lost = 0;
    game.on("client:state", (change) => {
        if (change.state === "lost" && (lost += 1) === 3) server.refusesUpgrades = false;
    });
    await game.connect();
    assert.equal(lost, 3);
    assert.deepEqual(await game.call("echo", { a: 1 }), { a: 1 });
});

test("attempts end where they are bounded", async (t) => {
    const { game } = await stage(t, { attemptsMax: 2 }, (server) => { server.refusesUpgrades = true; });
    const call = game.connect().catch((error) => error.code);
    const waiting = game.call("echo");
    assert.equal(await call, "UNAVAILABLE");
    await rejects(waiting, { code: "UNAVAILABLE", maybeApplied: false });
    assert.equal(game.state, "closed");
});

for (const [code, reason] of [[4403, "kicked"], [4409, "replaced"]]) {
    test(`a close with ${code} is final`, async (t) => {
        const { server, game } = await stage(t);
        await game.connect();
        const closed = state(game, (change) => change.state === "closed");
        server.closeAll(code);
        const change = await closed;
        assert.deepEqual([change.code, change.reason], [code, reason]);
        await rejects(game.call("echo"), { code: "UNAVAILABLE" });
    });
}

test("after a close the client can connect anew", async (t) => {
    const { server, game } = await stage(t);
    await game.connect();
    game.close();
    await server.hears((one) => one.method === "session.end");
    await game.connect();
    assert.deepEqual(await game.call("echo", { a: 1 }), { a: 1 });
});

test("silence after a ping is a lost connection", async (t) => {
    const { server, game } = await stage(t, { pingInterval: 5, silenceMax: 30 });
    await game.connect();
    const lost = state(game, (change) => change.state === "lost");
    const back = state(game, isOpen);
    const { socket } = only(server.sessions).link;
    socket.onmessage = () => {}; // the server's process hangs
    assert.equal((await lost).reason, "silence");
    assert.equal((await back).resumed, true);
});

test("a server that takes the socket and says nothing is given up", async (t) => {
    const { game } = await stage(t, { connectTimeout: 30, attemptsMax: 1 }, (server) => {
        server.calls.set("auth.guest", () => undefined);
    });
    await assert.rejects(game.connect());
    assert.equal(game.state, "closed");
});

test("a frame that is no JSON does not end us", async (t) => {
    const { server, game } = await stage(t);
    await game.connect();
    const back = state(game, isOpen);
    only(server.sessions).link.socket.send("{");
    assert.equal((await back).resumed, true);
});

test("what a newer server says beyond this version is ignored", async (t) => {
    const { server, game } = await stage(t);
    await game.connect();
    const { link } = only(server.sessions);
    link.send([{ type: "novelty" }, null, 7, { type: "response", id: 999, result: 1 }, { type: "event", event: "x", data: 1, extra: 2 }]);
    assert.deepEqual(await game.call("echo", { a: 1 }), { a: 1 });
});

// MARK: Who are you

test("a token is presented, and renewed when it is too old", async (t) => {
    const { server, game } = await stage(t, { auth: { token: "old", refreshToken: "good" } }, (server) => {
        server.refreshTokens.set("good", "player7");
    });
    const tokens = [];
    game.on("client:tokens", (all) => tokens.push(all.refresh_token));
    await game.connect();
    assert.equal(game.player, "player7");
    assert.equal(tokens.length, 1);
    assert.equal(server.refreshTokens.has("good"), false);
});

test("a token that nobody renews is a refusal", async (t) => {
    const { game } = await stage(t, { auth: { token: "bad" } });
    await rejects(game.connect(), { code: "UNAUTHENTICATED" });
    assert.equal(game.state, "closed");
});

test("tokens are renewed before they expire", async (t) => {
    const { server, game } = await stage(t, {}, (server) => { server.accessLifetime = 60; });
    await game.connect();
    await server.hears((one) => one.method === "auth.refresh");
    const from = server.heard.length;
    await server.hears((one) => one.method === "auth.refresh", from);
    assert.equal(game.state, "open");
});

test("a ticket opens one session, and each new one asks for another", async (t) => {
    const given = [];
    const { server, game } = await stage(t, { auth: { ticket: async () => { given.push(`t${given.length}`); return given.at(-1); } } },
        (server) => { server.tickets.add("t0").add("t1"); });
    await game.connect();
    let back = state(game, isOpen);
    server.cutAll();
    assert.equal((await back).resumed, true);
    assert.deepEqual(given, ["t0"]);
    back = state(game, isOpen);
    server.sessions.clear();
    server.cutAll();
    assert.equal((await back).resumed, false);
    assert.deepEqual(given, ["t0", "t1"]);
});

test("a way to log in of one's own is taken", async (t) => {
    const { game } = await stage(t, { auth: { login: (ask) => ask("auth.guest", { device_secret: SECRET }) } });
    await game.connect();
    assert.equal(game.player, "player1");
});

test("a guest keeps his secret where he is told to", async (t) => {
    const kept = new Map();
    const storage = { getItem: (name) => kept.get(name) ?? null, setItem: (name, value) => kept.set(name, value) };
    const { server, game } = await stage(t, { auth: { guest: { storage, name: "mine" } } });
    await game.connect();
    assert.match(kept.get("mine"), /^[\w-]{32}$/);
    game.close();
    await game.connect();
    assert.equal(server.players.size, 1);
});

test("a server that knows the session no more by its token is convinced anew", async (t) => {
    const { server, game } = await stage(t);
    await game.connect();
    const back = state(game, isOpen);
    const from = server.heard.length;
    server.closeAll(4401);
    assert.equal((await back).resumed, true);
    await server.hears((one) => one.method === "auth.guest", from);
});

test("a server that refuses us three times is believed", async (t) => {
    const { game } = await stage(t, {}, (server) => {
        server.calls.set("auth.guest", (params, link) => { link.socket.close(4401); });
    });
    await rejects(game.connect(), { code: "UNAVAILABLE" });
});

// MARK: Contract, clock, pieces

test("a client made for another contract is told what differs", async (t) => {
    const { server, game } = await stage(t, { contract: { hash: "beef", calls: { "arena.move": "1" } } });
    const told = new Promise((resolve) => game.on("client:contract", resolve));
    await game.connect();
    const { changed, added, server: theirs } = await told;
    assert.deepEqual([changed, added, theirs.hash], [["arena.move"], ["arena.jump"], "cafe"]);
    assert.deepEqual((await server.hears((one) => one.method === "session.contract")).params.hash, "beef");
});

test("a client made for this contract does not ask", async (t) => {
    const { server, game } = await stage(t, { contract: { hash: "cafe" } });
    await game.connect();
    await game.call("echo");
    assert.equal(server.heard.some((one) => one.method === "session.contract"), false);
});

test("the round trip is measured from the start", async (t) => {
    const { game } = await stage(t);
    const measured = new Promise((resolve) => game.on("client:latency", resolve));
    await game.connect();
    assert.ok((await measured).roundTripMs >= 0);
    assert.ok(Math.abs(game.serverNow() - Date.now()) < 5_000);
});

test("the clock believes the shortest of its last round trips", () => {
    const clock = new ServerClock();
    clock.add(1_000, 6_050, 1_100); // trip 100, offset 5,000
    clock.add(2_000, 7_200, 2_210); // trip 210: an answer that dawdled
    assert.deepEqual([clock.offset, clock.roundTrip], [5_000, 210]);
    clock.add(3_000, 8_005, 3_010); // trip 10
    assert.equal(clock.offset, 5_000);
    clock.add(4_000, Number.NaN, 4_001);
    clock.add(4_000, 9_000, 3_999); // the clock was set back
    assert.equal(clock.roundTrip, 10);
    for (let i = 0; i < 8; i += 1) clock.add(i, i + 700, i);
    assert.equal(clock.offset, 700);
});

test("waiting doubles up to a bound, and anything below it may be drawn", () => {
    const most = (attempt) => backoff(attempt, () => 1, 250, 15_000);
    assert.deepEqual([0, 1, 2, 5, 6, 7, 2_000].map(most), [250, 500, 1_000, 8_000, 15_000, 15_000, 15_000]);
    assert.equal(backoff(5, () => 0, 250, 15_000), 0);
});

test("an address may be short", () => {
    assert.equal(socketAddress("https://play.example.com").href, "wss://play.example.com/v1/connect");
    assert.equal(socketAddress("http://127.0.0.1:7400/").href, "ws://127.0.0.1:7400/v1/connect");
    assert.equal(socketAddress("wss://example.com/games/connect").href, "wss://example.com/games/connect");
    assert.throws(() => socketAddress(undefined));
    assert.notEqual(randomKey(), randomKey());
});

test("a place without WebSockets is told what to do", () => {
    assert.throws(() => new Gamekeeper({ url: "http://host", world: { WebSocket: undefined } }), /--experimental-websocket/);
});
