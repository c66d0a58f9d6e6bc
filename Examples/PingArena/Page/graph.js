// The latency graph: round trips of the last minute, and what half and 95 % of them stay below.

const SPAN = 60_000;

export class Graph {
    #canvas;
    #samples = []; // {at, trip}; a break in the connection is a sample without a trip

    constructor(canvas) {
        this.#canvas = canvas;
        new ResizeObserver(() => this.draw()).observe(canvas);
        matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    }

    add(trip) {
        const at = performance.now();
        this.#samples.push({ at, trip });
        while (this.#samples[0].at < at - SPAN) this.#samples.shift();
        this.draw();
    }

    /** The connection was away: the line has a hole. */
    interrupt() { this.add(undefined); }

    quantile(share) {
        const trips = this.#samples.map(({ trip }) => trip).filter((trip) => trip !== undefined).sort((a, b) => a - b);
        return trips[Math.min(trips.length - 1, Math.floor(share * trips.length))];
    }

    draw() {
        const { clientWidth: width, clientHeight: height } = this.#canvas;
        if (width === 0) return;
        const scale = devicePixelRatio;
        if (this.#canvas.width !== Math.round(width * scale)) this.#canvas.width = Math.round(width * scale);
        if (this.#canvas.height !== Math.round(height * scale)) this.#canvas.height = Math.round(height * scale);
        const pen = this.#canvas.getContext("2d");
        const style = getComputedStyle(this.#canvas);
        const color = (name) => style.getPropertyValue(name).trim();
        pen.setTransform(scale, 0, 0, scale, 0, 0);
        pen.clearRect(0, 0, width, height);

        // One slow answer must not flatten the others: it goes to the upper edge.
        const top = niceCeiling(Math.max(0.4, 2 * (this.quantile(0.9) ?? 0)));
        const now = this.#samples.at(-1)?.at ?? 0;
        const x = (at) => width - 2 - ((now - at) / SPAN) * (width - 40);
        const y = (trip) => height - 6 - Math.min(1.08, trip / top) * (height - 16);

        pen.font = `11px ${style.fontFamily}`;
        pen.textBaseline = "middle";
        pen.fillStyle = color("--soft");
        pen.strokeStyle = color("--line");
        pen.lineWidth = 1;
        for (const share of [0, 0.5, 1]) {
            const line = Math.round(y(share * top)) + 0.5;
            pen.beginPath();
            pen.moveTo(38, line);
            pen.lineTo(width, line);
            pen.stroke();
            pen.fillText(words(share * top), 0, Math.max(7, line));
        }

        pen.strokeStyle = color("--trace");
        pen.lineWidth = 2;
        pen.lineJoin = "round";
        pen.beginPath();
        let isDown = false;
        for (const { at, trip } of this.#samples) {
            if (trip !== undefined && isDown) pen.lineTo(x(at), y(trip));
            else if (trip !== undefined) pen.moveTo(x(at), y(trip));
            isDown = trip !== undefined;
        }
        pen.stroke();
        const last = this.#samples.at(-1);
        if (last?.trip === undefined) return;
        pen.fillStyle = color("--ball");
        pen.beginPath();
        pen.arc(x(last.at) - 2, y(last.trip), 4, 0, 2 * Math.PI);
        pen.fill();
    }
}

/** A round number above, so that the scale does not jump with every sample. */
function niceCeiling(value) {
    const power = 10 ** Math.floor(Math.log10(value));
    return [1, 2, 5, 10].map((step) => step * power).find((step) => step >= value);
}

/** `0.42 ms`, `12 ms`. */
export function words(milliseconds) {
    if (milliseconds === undefined) return "–";
    if (milliseconds === 0) return "0";
    return `${milliseconds >= 10 ? Math.round(milliseconds) : Number(milliseconds.toPrecision(2))} ms`;
}
