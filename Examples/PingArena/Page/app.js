// Joins the page to the game: what arrives is shown, what the player does is sent.
import { Gamekeeper } from "/client.js";
import { Field } from "/field.js";
import { Graph, words } from "/graph.js";

const MOVES_PER_SECOND = 20;
const LINES_MAX = 100;
const find = (id) => document.getElementById(id);

// Each tab is a player of its own, so that a second tab is company.
const game = new Gamekeeper({
    auth: { guest: { storage: sessionStorage } },
    pingInterval: 500,
    silenceMax: 6_000,
    backoffMax: 4_000,
});
const field = new Field(find("field-canvas"), () => game.serverNow());
const graph = new Graph(find("graph"));
const players = new Map();

// MARK: You

const me = { name: recall("name") ?? someName(), hue: Number(recall("hue") ?? Math.floor(Math.random() * 360)) };

function recall(what) { try { return sessionStorage.getItem(`arena.${what}`); } catch { return null; } }
function remember(what, value) { try { sessionStorage.setItem(`arena.${what}`, value); } catch { /* not kept */ } }

function someName() {
    const pick = (all) => all[Math.floor(Math.random() * all.length)];
    const first = ["Quick", "Calm", "Lucky", "Brave", "Sly", "Merry", "Swift", "Bold"];
    const second = ["Otter", "Heron", "Fox", "Lynx", "Wren", "Badger", "Hare", "Owl"];
    return `${pick(first)} ${pick(second)}`;
}

async function join() {
    const { you, players: all } = await game.call("arena.join", me, { repeatable: true });
    players.clear();
    for (const player of all) players.set(player.id, player);
    const mine = players.get(you);
    if (!field.me && mine) field.moveMe(mine.x, mine.y);
    showPlayers();
}

find("name").value = me.name;
find("hue").value = me.hue;
find("hue").style.setProperty("--hue", me.hue);
let joining;
find("me").addEventListener("input", () => {
    me.name = find("name").value.trim() || me.name;
    me.hue = Number(find("hue").value);
    find("hue").style.setProperty("--hue", me.hue);
    remember("name", me.name);
    remember("hue", me.hue);
    clearTimeout(joining);
    joining = setTimeout(() => join().catch(showError), 300);
});
find("me").addEventListener("submit", (event) => event.preventDefault());

// MARK: Players and cursors

function showPlayers() {
    const you = game.player;
    const all = [...players.values()].sort((a, b) => (b.id === you) - (a.id === you) || a.name.localeCompare(b.name));
    field.setPlayers(all, you);
    find("count").textContent = all.length;
    find("players").replaceChildren(...all.map(({ id, name, hue }) => {
        const item = document.createElement("li");
        item.classList.toggle("me", id === you);
        item.append(dot(hue), element("span", id === you ? `${name} (you)` : name));
        return item;
    }));
}

game.on("arena.joined", (player) => {
    players.set(player.id, { ...players.get(player.id), ...player });
    showPlayers();
});
game.on("arena.left", ({ id }) => {
    players.delete(id);
    showPlayers();
});

let updates = 0;
game.on("arena.cursors", ({ cursors }, { timestamp }) => {
    updates += 1;
    for (const { id, x, y } of cursors) {
        const player = players.get(id);
        if (player) Object.assign(player, { x, y });
        field.place(id, x, y, timestamp);
    }
});
game.on("arena.pinged", ({ id, x, y }) => field.ripple(players.get(id)?.hue ?? 30, x, y));

setInterval(() => {
    find("rate").textContent = `${updates} / s`;
    updates = 0;
}, 1_000);

// MARK: The court

const court = find("field");
let isMoved = false;

function moveTo(event) {
    const box = court.getBoundingClientRect();
    const inset = Math.max(14, Math.min(box.width, box.height) * 0.05);
    field.moveMe((event.clientX - box.left - inset) / (box.width - 2 * inset),
        (event.clientY - box.top - inset) / (box.height - 2 * inset));
    isMoved = true;
}

function ping() {
    if (!field.me) return;
    const { x, y } = field.me;
    game.send("arena.ping", { x, y });
}

court.addEventListener("pointermove", moveTo);
court.addEventListener("pointerdown", (event) => {
    moveTo(event);
    ping();
});

const held = new Set();
const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
court.addEventListener("keydown", (event) => {
    if (event.key in STEPS) {
        held.add(event.key);
        event.preventDefault();
        if (!event.repeat) step();
    } else if ((event.key === "Enter" || event.key === " ") && !event.repeat) {
        event.preventDefault();
        ping();
    }
});
court.addEventListener("keyup", (event) => held.delete(event.key));
court.addEventListener("blur", () => held.clear());

function step() {
    const { x, y } = field.me ?? { x: 0.5, y: 0.5 };
    let [dx, dy] = [0, 0];
    for (const key of held) {
        dx += STEPS[key][0];
        dy += STEPS[key][1];
    }
    field.moveMe(x + 0.02 * dx, y + 0.03 * dy);
    isMoved = true;
}

// Twenty times a second at most, and only when there is news. A newer place replaces an older one, so none is repeated.
setInterval(() => {
    if (held.size > 0) step();
    if (!isMoved || !game.isOpen) return;
    isMoved = false;
    const round = (value) => Math.round(value * 10_000) / 10_000;
    game.send("arena.move", { x: round(field.me.x), y: round(field.me.y) });
}, 1_000 / MOVES_PER_SECOND);

// MARK: Chat

const time = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

function element(name, text) {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    return made;
}

function dot(hue) {
    const made = element("i");
    made.className = "dot";
    made.style.setProperty("--hue", hue);
    return made;
}

function addLine(line) {
    const log = find("log");
    const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
    find("lines").append(line);
    while (find("lines").children.length > LINES_MAX) find("lines").firstElementChild.remove();
    if (isAtEnd) log.scrollTop = log.scrollHeight;
}

function note(text) {
    const line = element("li", text);
    line.className = "note";
    addLine(line);
}

function showMessage({ name, hue, text, at }) {
    const line = element("li");
    const said = element("p");
    said.append(element("b", name), text);
    const clock = element("time", time.format(new Date(at)));
    clock.dateTime = new Date(at).toISOString();
    line.append(dot(hue), said, clock);
    addLine(line);
}

function showHistory(history) {
    find("lines").replaceChildren();
    history.forEach(showMessage);
}

find("say").addEventListener("submit", async (event) => {
    event.preventDefault();
    const text = find("text").value.trim();
    if (text === "") return;
    find("text").value = "";
    try {
        // With a key: whatever happens to the connection meanwhile, it is said once.
        await game.call("arena.say", { text }, { key: true, timeout: 30_000 });
    } catch (error) {
        if (find("text").value === "") find("text").value = text;
        showError(error);
    }
});

function showError(error) { note(error.code === "RATE_LIMITED" ? "Slower, please." : `${error.message}`); }

// MARK: The connection

function showState(state, text) {
    find("state").dataset.state = state;
    find("state").textContent = text;
}

let lostAt = 0;

game.on("client:state", (change) => {
    find("cut").disabled = change.state !== "open";
    switch (change.state) {
        case "connecting":
            if (lostAt === 0) showState("connecting", "Connecting…");
            break;
        case "open":
            if (change.resumed) showReturn(change);
            else showState("open", "Connected");
            lostAt = 0;
            if (!change.recovered) join().catch(showError);
            break;
        case "lost":
            if (lostAt === 0) {
                lostAt = performance.now();
                graph.interrupt();
            }
            showState("lost", `Connection lost, trying again in ${(change.retryInMs / 1_000).toFixed(1)} s`);
            break;
        case "closed":
            showState("closed", `Closed: ${change.reason}. Reload to play on.`);
            break;
    }
});

/** The replay follows the answer, so what was missed is counted a moment later. */
function showReturn({ recovered }) {
    const away = ((performance.now() - lostAt) / 1_000).toFixed(1);
    const seqBefore = game.session.seq;
    showState("open", `Resumed after ${away} s`);
    setTimeout(() => {
        const count = game.session ? game.session.seq - seqBefore : 0;
        const events = count === 1 ? "event" : "events";
        const what = recovered ? `same session, ${count} missed ${events} made up` : "with a fresh start";
        showState("open", `Resumed after ${away} s: ${what}`);
        note(`Back after ${away} s: ${what}.`);
    }, 250);
}

game.on("client:latency", ({ roundTripMs }) => {
    graph.add(roundTripMs);
    find("trip").textContent = words(roundTripMs);
    find("p50").textContent = words(graph.quantile(0.5));
    find("p95").textContent = words(graph.quantile(0.95));
});
game.on("client:history", ({ history }) => showHistory(history));
game.on("client:error", (error) => {
    // A move above the rate is dropped, and the next one says it better.
    if (error.code !== "RATE_LIMITED") showError(error);
});

find("cut").addEventListener("click", () => game.reconnect({ after: 3_000 }));
addEventListener("pagehide", (event) => { if (!event.persisted) game.close(); });

game.connect().catch(() => {}); // the state says why
game.subscribe("chat", showMessage, { last: 50 })
    .then(({ history }) => showHistory(history), showError);
