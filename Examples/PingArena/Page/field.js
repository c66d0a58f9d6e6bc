// The court: draws everybody where he was a moment ago, smoothly, and oneself at once.

const DELAY = 100; // ms behind the server: two updates lie between, so there is always something to move towards
const TRAIL = 260; // ms
const RIPPLE = 700; // ms
const AWAKE = 600; // ms without anything new until drawing stops

export class Field {
    me = null; // {x, y} in 0…1
    #canvas;
    #players = new Map(); // id → {name, hue, places: [{at, x, y}]}
    #myID = null;
    #ripples = [];
    #trail = [];
    #until = 0;
    #isDrawing = false;
    #serverNow;
    #isCalm = matchMedia("(prefers-reduced-motion: reduce)");

    constructor(canvas, serverNow) {
        this.#canvas = canvas;
        this.#serverNow = serverNow;
        new ResizeObserver(() => this.#wake()).observe(canvas);
        matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#wake());
    }

    setPlayers(players, myID) {
        this.#myID = myID;
        const before = this.#players;
        this.#players = new Map();
        for (const { id, name, hue, x, y } of players) {
            const places = before.get(id)?.places ?? [{ at: this.#serverNow(), x, y }];
            this.#players.set(id, { name, hue, places });
        }
        this.#wake();
    }

    /** Somebody is there now, says the server. */
    place(id, x, y, at) {
        const player = this.#players.get(id);
        if (!player) return;
        const last = player.places.at(-1);
        // After a rest, he starts now and not where his last step was long ago.
        if (last && at - last.at > 2 * DELAY) player.places = [{ ...last, at: at - DELAY / 2 }];
        player.places.push({ at, x, y });
        if (player.places.length > 12) player.places.shift();
        this.#wake();
    }

    moveMe(x, y) {
        this.me = { x: clamp(x), y: clamp(y) };
        this.#trail.push({ ...this.me, at: performance.now() });
        if (this.#trail.length > 40) this.#trail.shift();
        this.#wake();
    }

    ripple(hue, x, y) {
        this.#ripples.push({ hue, x, y, at: performance.now() });
        if (this.#ripples.length > 40) this.#ripples.shift();
        this.#wake();
    }

    #wake() {
        this.#until = performance.now() + AWAKE + RIPPLE;
        if (this.#isDrawing) return;
        this.#isDrawing = true;
        requestAnimationFrame((now) => this.#frame(now));
    }

    #frame(now) {
        this.#draw(now);
        this.#isDrawing = now < this.#until;
        if (this.#isDrawing) requestAnimationFrame((next) => this.#frame(next));
    }

    #draw(now) {
        const { clientWidth: width, clientHeight: height } = this.#canvas;
        if (width === 0 || height === 0) return;
        const scale = devicePixelRatio;
        if (this.#canvas.width !== Math.round(width * scale)) this.#canvas.width = Math.round(width * scale);
        if (this.#canvas.height !== Math.round(height * scale)) this.#canvas.height = Math.round(height * scale);
        const pen = this.#canvas.getContext("2d");
        const style = getComputedStyle(this.#canvas);
        const color = (name) => style.getPropertyValue(name).trim();
        pen.setTransform(scale, 0, 0, scale, 0, 0);
        const inset = Math.max(14, Math.min(width, height) * 0.05);
        const at = ({ x, y }) => [inset + x * (width - 2 * inset), inset + y * (height - 2 * inset)];

        drawCourt(pen, width, height, inset, color);
        this.#drawRipples(pen, now, at);
        pen.font = `600 12px ${style.fontFamily}`;
        const time = this.#serverNow() - DELAY;
        for (const [id, player] of this.#players) {
            if (id === this.#myID && this.me) continue;
            const [x, y] = at(placeAt(player.places, time));
            drawBall(pen, x, y, 9, player.hue, color("--court-edge"));
            drawName(pen, player.name, x, y, 20, width, color);
        }
        const mine = this.#players.get(this.#myID);
        if (!this.me || !mine) return;
        this.#drawTrail(pen, now, at, mine.hue);
        const [x, y] = at(this.me);
        drawBall(pen, x, y, 12, mine.hue, color("--chalk"));
        drawName(pen, `${mine.name} (you)`, x, y, 24, width, color);
    }

    #drawRipples(pen, now, at) {
        this.#ripples = this.#ripples.filter((one) => now - one.at < RIPPLE);
        for (const one of this.#ripples) {
            const age = Math.max(0, (now - one.at) / RIPPLE);
            const [x, y] = at(one);
            pen.globalAlpha = (1 - age) ** 1.5;
            pen.strokeStyle = ballColor(one.hue);
            pen.lineWidth = 3;
            for (const radius of this.#isCalm.matches ? [34] : [12 + 70 * age, 12 + 40 * age]) {
                pen.beginPath();
                pen.arc(x, y, radius, 0, 2 * Math.PI);
                pen.stroke();
            }
        }
        pen.globalAlpha = 1;
    }

    #drawTrail(pen, now, at, hue) {
        this.#trail = this.#trail.filter((one) => now - one.at < TRAIL);
        if (this.#isCalm.matches) return;
        pen.fillStyle = ballColor(hue);
        for (const one of this.#trail) {
            const left = 1 - (now - one.at) / TRAIL;
            const [x, y] = at(one);
            pen.globalAlpha = 0.35 * left;
            pen.beginPath();
            pen.arc(x, y, 11 * left, 0, 2 * Math.PI);
            pen.fill();
        }
        pen.globalAlpha = 1;
    }
}

function clamp(value) { return Math.min(1, Math.max(0, value)); }

function ballColor(hue) { return `hsl(${hue} 92% 66%)`; }

/** Between the two places that the time lies between. */
function placeAt(places, time) {
    let from = places[0];
    for (const to of places) {
        if (to.at >= time) {
            const share = to.at === from.at ? 1 : clamp((time - from.at) / (to.at - from.at));
            return { x: from.x + share * (to.x - from.x), y: from.y + share * (to.y - from.y) };
        }
        from = to;
    }
    return from;
}

function drawCourt(pen, width, height, inset, color) {
    pen.fillStyle = color("--court-edge");
    pen.fillRect(0, 0, width, height);
    pen.fillStyle = color("--court");
    pen.fillRect(inset, inset, width - 2 * inset, height - 2 * inset);
    pen.strokeStyle = color("--chalk");
    pen.lineWidth = 3;
    pen.globalAlpha = 0.9;
    pen.strokeRect(inset, inset, width - 2 * inset, height - 2 * inset);
    // The middle line and the net, along and across the longer side.
    const isWide = width >= height;
    const line = (x1, y1, x2, y2) => { pen.beginPath(); pen.moveTo(x1, y1); pen.lineTo(x2, y2); pen.stroke(); };
    const [middleX, middleY] = [width / 2, height / 2];
    pen.lineWidth = 1.5;
    pen.globalAlpha = 0.55;
    if (isWide) line(inset, middleY, width - inset, middleY);
    else line(middleX, inset, middleX, height - inset);
    pen.lineWidth = 4;
    pen.globalAlpha = 0.8;
    pen.setLineDash([2, 4]);
    if (isWide) line(middleX, inset / 2, middleX, height - inset / 2);
    else line(inset / 2, middleY, width - inset / 2, middleY);
    pen.setLineDash([]);
    pen.globalAlpha = 1;
}

function drawBall(pen, x, y, radius, hue, rim) {
    pen.fillStyle = "rgb(0 0 0 / 0.25)";
    pen.beginPath();
    pen.ellipse(x + 2, y + 4, radius, radius * 0.85, 0, 0, 2 * Math.PI);
    pen.fill();
    pen.fillStyle = ballColor(hue);
    pen.strokeStyle = rim;
    pen.lineWidth = 2;
    pen.beginPath();
    pen.arc(x, y, radius, 0, 2 * Math.PI);
    pen.fill();
    pen.stroke();
    pen.fillStyle = "rgb(255 255 255 / 0.65)";
    pen.beginPath();
    pen.arc(x - radius * 0.35, y - radius * 0.35, radius * 0.25, 0, 2 * Math.PI);
    pen.fill();
}

function drawName(pen, name, x, y, gap, width, color) {
    const size = pen.measureText(name).width;
    const left = x + gap + size + 12 > width ? x - gap - size : x + gap;
    pen.fillStyle = color("--court-edge");
    pen.globalAlpha = 0.85;
    pen.beginPath();
    pen.roundRect(left - 7, y - 10, size + 14, 20, 10);
    pen.fill();
    pen.globalAlpha = 1;
    pen.fillStyle = color("--chalk");
    pen.textBaseline = "middle";
    pen.fillText(name, left, y + 0.5);
}
