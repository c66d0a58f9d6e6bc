// Types of gamekeeper.js. `gamekeeper docs GAME` writes the interfaces of a game's contract; with them every call, event
// and topic is checked:
//
//     import type { Calls, Events, Topics, Requests } from "./skirmish";
//     const game = new Gamekeeper<{ calls: Calls; events: Events; topics: Topics; requests: Requests }>();

/** What a contract consists of; anything goes where none is given. */
export interface GameContract {
    calls: object;
    events: object;
    topics: object;
    requests: object;
}

interface AnyContract {
    calls: Record<string, { params: any; result: any }>;
    events: Record<string, any>;
    topics: Record<string, any>;
    requests: Record<string, { params: any; result: any }>;
}

type Name<T> = Extract<keyof T, string>;
type Params<T> = T extends { params: infer P } ? P : any;
type Result<T> = T extends { result: infer R } ? R : any;
/** `chat`, or one of its family such as `chat:lobby`. */
type TopicName<T> = Name<T> | `${Name<T>}:${string}`;
type TopicPayload<T, K extends string> = K extends keyof T ? T[K] : K extends `${infer F}:${string}` ? (F extends keyof T ? T[F] : any) : any;

/** The codes of the server, and `CANCELLED` of this side. Newer servers may know more. */
export type ErrorCode =
    | "TIMEOUT" | "UNAVAILABLE" | "RATE_LIMITED" | "CONFLICT"
    | "INVALID_ARGUMENT" | "INVALID_ACTION" | "UNAUTHENTICATED" | "PERMISSION_DENIED" | "NOT_FOUND" | "UNKNOWN_METHOD"
    | "PAYLOAD_TOO_LARGE" | "ALREADY_EXISTS" | "INTERNAL" | "DATA_LOSS" | "CANCELLED" | (string & {});

/** Why a call failed. */
export class GamekeeperError extends Error {
    constructor(code: ErrorCode, message?: string, options?: {
        details?: unknown; retry?: boolean; retryAfterMs?: number; maybeApplied?: boolean; method?: string;
    });
    readonly code: ErrorCode;
    /** What the server adds, such as `{ field, expected, problem }`. */
    readonly details?: any;
    /** Whether it may be sent again. */
    readonly retry: boolean;
    readonly retryAfterMs?: number;
    /** It left, and nobody knows what became of it: read the state before sending it again without a key. */
    readonly maybeApplied: boolean;
    readonly method?: string;
}

export interface Tokens {
    player_id: string;
    access_token: string;
    access_expires_ms: number;
    refresh_token: string;
    refresh_expires_ms: number;
    is_new: boolean;
}

type Ask = (method: string, params: object) => Promise<any>;

/** Who we are. Without any, a guest whose secret lies in `localStorage`. */
export type Authentication =
    | { guest?: { secret?: string; storage?: Pick<Storage, "getItem" | "setItem">; name?: string } }
    | { token?: string | (() => string | Promise<string>); refreshToken?: string }
    /** Asked for every new session: a ticket of `POST /v1/tickets`. */
    | { ticket: () => string | Promise<string> }
    /** Any other way in: calls a public method and returns its tokens, if it has some. */
    | { login: (ask: Ask) => Promise<Tokens | void> };

export interface Options {
    /** Where the server is: `https://host`, `wss://host/v1/connect`; in a page, its own host. */
    url?: string | URL;
    auth?: Authentication;
    /** What the page was made for. The event `client:contract` tells which calls differ. */
    contract?: { hash: string; calls?: Record<string, string> };
    /** A constructor for places that have none. */
    WebSocket?: typeof WebSocket | (new (url: string, protocols: string[]) => any);
    callTimeout?: number;
    connectTimeout?: number;
    pingInterval?: number;
    silenceMax?: number;
    stableAfter?: number;
    backoffBase?: number;
    backoffMax?: number;
    attemptsMax?: number;
    queuedCallsMax?: number;
    pendingCallsMax?: number;
    bufferedBytesMax?: number;
    /** Time and chance, for tests. */
    world?: Partial<{
        random(): number;
        now(): number;
        setTimeout(work: () => void, delay: number): unknown;
        clearTimeout(timer: unknown): void;
    }>;
}

export interface CallOptions {
    /** ms until the call is rejected; told to the server as well. */
    timeout?: number;
    /** Makes it happen once, however often it is sent; `true` makes a key. */
    key?: string | boolean;
    /** It does no harm when it happens twice, so it is sent again after a lost connection. */
    repeatable?: boolean;
    signal?: AbortSignal;
}

export interface EventInfo {
    name: string;
    topic?: string;
    room?: string;
    /** On the reliable lane. */
    seq?: number;
    /** The server's ms since 1970. */
    timestamp?: number;
    trace?: string;
}

export type State = "idle" | "connecting" | "open" | "lost" | "closed";

export interface StateChange {
    state: State;
    /** With `open`: the session of before, and nothing of it was missed. */
    resumed?: boolean;
    recovered?: boolean;
    snapshot?: any;
    player?: string;
    session?: string;
    /** With `lost` and `closed`: the close code, why, and when it is tried again. */
    code?: number;
    reason?: string;
    error?: unknown;
    attempt?: number;
    retryInMs?: number;
}

/** What the client itself tells. */
export interface ClientEvents {
    "client:state": StateChange;
    "client:latency": { roundTripMs: number; offsetMs: number };
    /** New tokens: keep the refresh token, the one before is spent. */
    "client:tokens": Tokens;
    "client:contract": {
        matches: boolean; changed: string[]; missing: string[]; added: string[];
        server?: { name: string; version: string; hash: string };
    };
    /** The history of a topic that was subscribed to again. */
    "client:history": { topic: string; history: any[] };
    /** What a listener threw, or what the server refused without a call. */
    "client:error": unknown;
    /** Every event. */
    "client:any": any;
}

export interface Subscription<Payload> {
    readonly topic: string;
    readonly history: any[];
    publish(data: Payload, options?: CallOptions): Promise<unknown>;
    unsubscribe(): Promise<void>;
}

export class Gamekeeper<C extends GameContract = AnyContract> {
    constructor(options?: Options);
    readonly state: State;
    readonly isOpen: boolean;
    readonly player: string | undefined;
    readonly session:
        | { id: string; epoch: number; seq: number; contract?: { name: string; version: string; hash: string } }
        | null;
    readonly latency: number | undefined;
    readonly clockOffset: number;
    serverNow(): number;

    connect(): Promise<this>;
    close(options?: { keep?: boolean }): void;
    reconnect(options?: { after?: number }): void;

    call<K extends Name<C["calls"]>>(
        method: K, params?: Params<C["calls"][K]>, options?: CallOptions,
    ): Promise<Result<C["calls"][K]>>;
    send<K extends Name<C["calls"]>>(method: K, params?: Params<C["calls"][K]>): boolean;

    on<K extends keyof ClientEvents>(name: K, listener: (data: ClientEvents[K], event?: EventInfo) => void): () => void;
    on<K extends Name<C["events"]>>(name: K, listener: (data: C["events"][K], event: EventInfo) => void): () => void;
    on<K extends Name<C["topics"]>>(name: K, listener: (data: C["topics"][K], event: EventInfo) => void): () => void;
    once<K extends keyof ClientEvents>(name: K, listener: (data: ClientEvents[K], event?: EventInfo) => void): () => void;
    once<K extends Name<C["events"]>>(name: K, listener: (data: C["events"][K], event: EventInfo) => void): () => void;
    off(name: string, listener: (...all: any[]) => void): void;

    subscribe<K extends TopicName<C["topics"]>>(
        topic: K,
        listener?: (data: TopicPayload<C["topics"], K>, event: EventInfo) => void,
        options?: { last?: number },
    ): Promise<Subscription<TopicPayload<C["topics"], K>>>;
    publish<K extends TopicName<C["topics"]>>(
        topic: K, data: TopicPayload<C["topics"], K>, options?: CallOptions,
    ): Promise<unknown>;

    answer<K extends Name<C["requests"]>>(
        method: K,
        handler: (
            params: Params<C["requests"][K]>, info: { method: string; timeoutMs?: number },
        ) => Result<C["requests"][K]> | Promise<Result<C["requests"][K]>>,
    ): () => void;
}

/** The sub-protocol that this client speaks. */
export const PROTOCOL: string;
export function backoff(attempt: number, random: () => number, base?: number, max?: number): number;
export function randomKey(): string;
export function socketAddress(url?: string | URL): URL;
export class ServerClock {
    offset: number;
    roundTrip: number | undefined;
    add(sent: number, server: number, now: number): void;
}
