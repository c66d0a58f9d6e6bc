"""Is this an HTTP/1.1 server? 33 kinds of requests: in order, in pieces, and out of order.

A request in pieces must be met with patience: no answer and no end before it is complete, and its answer then. One that
is out of order has to be refused with the right kind of status, and the connection closed.
"""

import concurrent.futures
import sys
from collections.abc import Callable

from exchange import Outcome, exchange

HOST = b"Host: localhost\r\n"
GOOD = b"GET /judged HTTP/1.1\r\n" + HOST + b"\r\n"


def served(*parts: bytes, answers: int = 1, body: bytes = b"") -> Callable[[int], str | None]:
    """All parts together are good requests: silence after each part but the last, then these answers."""

    def judge(port: int) -> str | None:
        for end in range(1, len(parts)):
            early = exchange(port, *parts[:end], patience=0.5)
            if early.received or early.closed:
                return f"after the first {end} pieces: {early}"
        outcome = exchange(port, *parts, enough=answers)
        if outcome.statuses != [200] * answers:
            return str(outcome)
        if body and not outcome.received.endswith(body):
            outcome = exchange(port, *parts, patience=1)  # the body may have come later than the head
            if not outcome.received.endswith(body):
                return f"the body is not what was sent: {outcome.received[-100:]!r}"
        return None

    return judge


def refused(whole: bytes, *statuses: int) -> Callable[[int], str | None]:
    """Refused with one of these statuses, and closed."""

    def judge(port: int) -> str | None:
        outcome = exchange(port, whole)
        right = len(outcome.statuses) == 1 and outcome.statuses[0] in (statuses or range(400, 500))
        return None if right and outcome.closed else str(outcome)

    return judge


def expects(port: int) -> str | None:
    head = b"POST /judged HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n"
    early = exchange(port, head, patience=1)
    if b"HTTP/1.1 100" not in early.received and early.statuses[:1] not in ([200], [417]):
        return f"it was not told to go on: {early}"
    outcome = exchange(port, head, b"hello", enough=1, pause=0.3)
    return None if outcome.statuses[:1] in ([200], [417]) else str(outcome)


def unknown_expectation(port: int) -> str | None:
    outcome = exchange(port, b"GET /judged HTTP/1.1\r\n" + HOST + b"Expect: a miracle\r\n\r\n", enough=1)
    return None if outcome.statuses in ([200], [417]) else str(outcome)


def closes(port: int) -> str | None:
    outcome: Outcome = exchange(port, b"GET /judged HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n" + GOOD)
    return None if outcome.statuses == [200] and outcome.closed else str(outcome)


def head_has_no_body(port: int) -> str | None:
    outcome = exchange(port, b"HEAD /judged HTTP/1.1\r\n" + HOST + b"\r\n" + GOOD, enough=2)
    if outcome.statuses != [200, 200]:
        return str(outcome)
    return None if outcome.received.split(b"\r\n\r\n", 1)[1].startswith(b"HTTP/1.1 200") else "HEAD got a body"


def post(fields: bytes, body: bytes = b"") -> bytes:
    return b"POST /judged HTTP/1.1\r\n" + HOST + fields + b"\r\n\r\n" + body


KINDS = [
    # In pieces: cut inside each element of the grammar.
    ("a method in pieces", served(b"G", b"ET /judged HTTP/1.1\r\n" + HOST + b"\r\n")),
    ("a target cut before its slash", served(b"GET ", b"/judged HTTP/1.1\r\n" + HOST + b"\r\n")),
    ("a target cut inside", served(b"GET /jud", b"ged HTTP/1.1\r\n" + HOST + b"\r\n")),
    ("a target cut behind", served(b"GET /judged", b" HTTP/1.1\r\n" + HOST + b"\r\n")),
    ("a version in pieces", served(b"GET /judged HT", b"TP/1.", b"1\r\n" + HOST + b"\r\n")),
    ("a request line without its end", served(b"GET /judged HTTP/1.1", b"\r\n" + HOST + b"\r\n")),
    ("a line end in pieces", served(b"GET /judged HTTP/1.1\r", b"\n" + HOST + b"\r\n")),
    ("a request line alone", served(b"GET /judged HTTP/1.1\r\n", HOST + b"\r\n")),
    ("a field name in pieces", served(b"GET /judged HTTP/1.1\r\nHo", b"st: localhost\r\n\r\n")),
    ("a field cut at its colon", served(b"GET /judged HTTP/1.1\r\nHost", b":", b" localhost\r\n\r\n")),
    ("a field value in pieces", served(b"GET /judged HTTP/1.1\r\nHost: loc", b"alhost\r\n\r\n")),
    ("a field without its line end", served(b"GET /judged HTTP/1.1\r\nHost: localhost", b"\r\n\r\n")),
    ("a field's line end in pieces", served(b"GET /judged HTTP/1.1\r\nHost: localhost\r", b"\n\r\n")),
    ("a head without its end", served(b"GET /judged HTTP/1.1\r\n" + HOST, b"\r\n")),
    ("a head's end in pieces", served(b"GET /judged HTTP/1.1\r\n" + HOST + b"\r", b"\n")),
    ("a body in pieces", served(post(b"Content-Length: 5", b"he"), b"llo", body=b"hello")),
    ("chunks in pieces", served(post(b"Transfer-Encoding: chunked", b"5\r\nhe"), b"llo\r", b"\n0\r\n", b"\r\n")),
    # In order.
    ("GET", served(GOOD)),
    ("GET with an empty value, odd spaces and an odd name", served(
        b"GET /judged?q=%20&r HTTP/1.1\r\nhOsT:localhost\r\nEmpty:\r\nSpaced: \t x \t\r\n!#$%&'*+-.^_`|~09: y\r\n\r\n")),
    ("POST with a length", served(post(b"Content-Length: 5", b"hello"), body=b"hello")),
    ("POST in chunks", served(post(b"Transfer-Encoding: chunked", b"5\r\nhello\r\n0\r\n\r\n"))),
    ("two requests in one packet", served(GOOD + GOOD, answers=2)),
    ("Connection: close ends the connection after its answer", closes),
    ("HEAD has no body", head_has_no_body),
    ("Expect: 100-continue", expects),
    ("another expectation", unknown_expectation),
    # Out of order.
    ("no version", refused(b"GET /judged\r\n" + HOST + b"\r\n")),
    ("an unknown version", refused(b"GET /judged HTTP/9.9\r\n" + HOST + b"\r\n", 400, 505)),
    ("no request at all", refused(b"Extra lineGET /judged HTTP/1.1\r\n" + HOST + b"\r\n")),
    ("no Host, or two", lambda port: refused(b"GET / HTTP/1.1\r\n\r\n", 400)(port)
        or refused(b"GET / HTTP/1.1\r\n" + HOST + HOST + b"\r\n", 400)(port)
        or refused(b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400)(port)),
    ("a length that is none", lambda port: refused(post(b"Content-Length: -5", b"hello"), 400)(port)
        or refused(post(b"Content-Length: abc", b"hello"), 400)(port)
        or refused(post(b"Content-Length: -1844674407370955161600000000"), 400)(port)),
    ("characters that no field may have", lambda port: refused(GOOD[:-2] + b"B{d: x\r\n\r\n", 400)(port)
        or refused(GOOD[:-2] + b"Bad: a\x07b\r\n\r\n", 400)(port) or refused(GOOD[:-2] + b"Bad: a\x00b\r\n\r\n", 400)(port)
        or refused(GOOD[:-2] + b"Bad\x80: b\r\n\r\n", 400)(port) or refused(GOOD[:-2] + b"Bad: a\rb\r\n\r\n", 400)(port)),
    ("a length and chunks at once", refused(
        post(b"Content-Length: 5\r\nTransfer-Encoding: chunked", b"5\r\nhello\r\n0\r\n\r\n"), 400)),
]


def main() -> int:
    port = int(sys.argv[1])
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=8) as pool:
        for (name, _), finding in zip(KINDS, pool.map(lambda kind: kind[1](port), KINDS)):
            print(f"{'FAILED' if finding else 'OK    '} {name}{': ' + finding if finding else ''}")
            failed += bool(finding)
    print(f"{len(KINDS) - failed} of {len(KINDS)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
