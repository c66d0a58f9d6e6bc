// The client against the real thing: `gamekeeper run`, where it has been built.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { Gamekeeper } from "../gamekeeper.js";

const root = new URL("../../../", import.meta.url);
const binary = [process.env.GAMEKEEPER, ...["debug", "release"].map((kind) => new URL(`.build/${kind}/gamekeeper`, root).pathname)]
    .find((path) => path && existsSync(path));
const skip = binary ? false : "gamekeeper is not built (swift build --product gamekeeper)";

/** A server with one game, for one test. */
async function serve(t, name, ...settings) {
    const child = spawn(
        binary,
        ["run", name, "--listen", "127.0.0.1:0", "--admin", "off", "--data", "none", ...settings],
        { stdio: ["ignore", "pipe", "ignore"] },
    );
    t.after(() => new Promise((done) => { child.on("exit", done); child.kill("SIGTERM"); }));
    for await (const line of createInterface({ input: child.stdout })) {
        const address = /listening on (\S+)/.exec(line)?.[1];
        if (address) return address;
    }
    throw new Error("the server did not start");
}

function player(t, url, options = {}) {
    const secret = `a-secret-of-${Math.random().toString(36).slice(2)}`;
    const game = new Gamekeeper({ url, auth: { guest: { secret } }, backoffBase: 1, backoffMax: 50, ...options });
    t.after(() => game.close());
    return game;
}

function next(game, name, test = () => true) {
    return new Promise((resolve) => {
        const off = game.on(name, (data) => { if (test(data)) { off(); resolve(data); } });
    });
}

test("a guest calls the real server", { skip }, async (t) => {
    const game = player(t, await serve(t, "bench"));
    await game.connect();
    assert.deepEqual(await game.call("bench.echo", { text: "grüß dich" }), { text: "grüß dich" });
    assert.deepEqual(await game.call("bench.sum", { values: [1, 2.5, -3] }), { sum: 0.5 });
    const all = await Promise.all(Array.from({ length: 200 }, (_, i) => game.call("bench.echo", { text: `${i}` })));
    assert.deepEqual(all.map(({ text }) => text), Array.from({ length: 200 }, (_, i) => `${i}`));
    await assert.rejects(game.call("bench.echo", { text: 7 }), (error) => {
        assert.deepEqual([error.code, error.details.field, error.details.problem, error.retry],
            ["INVALID_ARGUMENT", "params.text", "wrong_type", false]);
        return true;
    });
    await assert.rejects(game.call("bench.nothing"), { code: "UNKNOWN_METHOD" });
});

test("the real server resumes a session, and nothing reliable is missed or heard twice", { skip }, async (t) => {
    const url = await serve(t, "bench");
    const [game, other] = [player(t, url), player(t, url)];
    await Promise.all([game.connect(), other.connect()]);
    const heard = [];
    await game.subscribe("bench.feed", ({ number }) => heard.push(number));
    const { id } = game.session;
    for (let round = 0; round < 5; round += 1) {
        const back = next(game, "client:state", ({ state }) => state === "open");
        game.reconnect();
        await other.call("bench.feed", { count: 20, bytes: 10 });
        assert.deepEqual([(await back).resumed, (await back).recovered], [true, true]);
    }
    while (heard.length < 100) await next(game, "bench.feed");
    await game.call("bench.echo", { text: "" });
    assert.deepEqual(heard, Array.from({ length: 100 }, (_, i) => i % 20));
    assert.equal(game.session.id, id);
});

test("players of the real arena see and hear one another", { skip }, async (t) => {
    const url = await serve(t, "ping-arena");
    const [ann, bob] = [player(t, url), player(t, url)];
    await Promise.all([ann.connect(), bob.connect()]);
    await ann.call("arena.join", { name: "Ann", hue: 20 });
    const joined = next(ann, "arena.joined", ({ name }) => name === "Bob");
    const { you, players } = await bob.call("arena.join", { name: "Bob", hue: 200 });
    assert.equal((await joined).id, you);
    assert.deepEqual(players.map(({ name }) => name).sort(), ["Ann", "Bob"]);

    const moved = next(ann, "arena.cursors", ({ cursors }) => cursors.some(({ id, x }) => id === you && x === 0.25));
    bob.send("arena.move", { x: 0.25, y: 0.75 });
    await moved;

    const heard = [];
    await ann.subscribe("chat", ({ text }) => heard.push(text));
    const said = next(ann, "chat");
    await bob.call("arena.say", { text: "hello" }, { key: "once" });
    await bob.call("arena.say", { text: "hello" }, { key: "once" });
    await said;
    await ann.call("arena.join", { name: "Ann", hue: 20 });
    assert.deepEqual(heard, ["hello"]);
    const late = player(t, url);
    await late.connect();
    assert.deepEqual((await late.subscribe("chat", undefined, { last: 10 })).history.map(({ text }) => text), ["hello"]);

    const left = next(ann, "arena.left", ({ id }) => id === you);
    bob.close();
    await left;
});

test("the real server says which calls a client knows otherwise", { skip }, async (t) => {
    const calls = { "bench.echo": "0", "bench.gone": "0" };
    const game = player(t, await serve(t, "bench"), { contract: { hash: "0", calls } });
    const told = next(game, "client:contract");
    await game.connect();
    const { changed, missing } = await told;
    assert.deepEqual([changed, missing], [["bench.echo"], ["bench.gone"]]);
});

test("the real server gives out this client", { skip }, async (t) => {
    const url = await serve(t, "ping-arena");
    const answer = await fetch(new URL("/client.js", url));
    assert.match(answer.headers.get("content-type"), /javascript/);
    assert.match(await answer.text(), /export class Gamekeeper/);
    assert.equal((await fetch(url)).status, 200);
});
