"""Requests that two readers could understand differently. None may be served, and none may carry in a second request.

Each mutation spoils the framing of one request (its line, its length, its coding, its chunks) behind which a whole
second request waits. A server that refuses the first with 4xx or 5xx, or with the end of the connection, and says
nothing more, is safe, whatever stands in front of it.
"""

import concurrent.futures
import itertools
import sys

from exchange import Outcome, exchange

HIDDEN = b"GET /hidden HTTP/1.1\r\nHost: localhost\r\n\r\n"
CHUNKS_THEN_HIDDEN = b"5\r\nhello\r\n0\r\n\r\n" + HIDDEN


def request(*fields: bytes, line: bytes = b"POST /judged HTTP/1.1", body: bytes = b"") -> bytes:
    return b"\r\n".join((line, b"Host: localhost", *fields)) + b"\r\n\r\n" + body


CODINGS = [
    b"xchunked", b"chunkedx", b"chunke", b"chunked, identity", b"chunked, chunked", b"chunked, gzip", b"identity",
    b"gzip", b"cow", b'"chunked"', b"chunked\x00", b"\x00chunked", b"\x0bchunked", b"chunked\x0b", b"\x0cchunked",
    b"chun\x00ked", b"chun ked", b"chunked;", b"chunked x", b"chunked\xa0", b"\xc2\xa0chunked", b"chunked\x7f",
    b"\x01chunked", b"chunked;q=", b"[chunked]", b"chunked\\", b"'chunked'", b"", b"   ", b"chunked, cow", b"cow chunked",
    "сhunked".encode(), b"CHUNKED\xff", b"identity, identity",
]
CODING_FIELDS = [
    b"Transfer-Encoding : chunked", b"Transfer-Encoding\t: chunked", b" Transfer-Encoding: chunked",
    b"\tTransfer-Encoding: chunked", b"Transfer-Encoding\x00: chunked", b"Transfer-Encoding\x0b: chunked",
    b"Transfer Encoding: chunked", b"Transfer-Encoding chunked", b"Transfer-Encoding", b"Transfer-Encoding\xff: chunked",
    b"Transfer-Encoding:\r\n chunked", b"Transfer-Encoding:\r\n\tchunked", b"Transfer-Encoding: \r\n chunked",
    b"X: y\nTransfer-Encoding: chunked", b"X: y\rTransfer-Encoding: chunked", b"X: y\r\rTransfer-Encoding: chunked",
    b"X: y\r\n\rTransfer-Encoding: chunked", b"X: y\x00\r\nTransfer-Encoding: chunked", b"\x00Transfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: cow", b"(Transfer-Encoding): chunked", b": chunked",
    b"Transfer-Encoding: chunked\n", b"@Transfer-Encoding: chunked", b"Transfer-Encoding\r: chunked",
]
LENGTHS = [
    b"+5", b"-5", b"-0", b"+0", b"5 5", b"5, 6", b"5,6", b"0x5", b"5;", b"5\x00", b"\x005", b"", b" ", b"5a", b"a5", b"5.0",
    b"5e0", b"5_0", b"\xd9\xa5", b"5\x0b", b"\x0c5", b"'5'", b'"5"', b"5-", b"0,5", b"5, 0", b",5x", b"five", b"0b101",
    b"99999999999999999999", b"18446744073709551616", b"18446744073709551621", b"9223372036854775808",
    b"340282366920938463463374607431768211461", b"1" * 300, b"5\r\n 0", b"5\r", b"5\r\nContent-Length: 6",
    b"6\r\nContent-Length: 5", b"5\nContent-Length: 0", b"0\r\nContent-Length: 5", b"5\r\nContent-Length: x",
    b"5\r\nContent-Length:", b"NaN", b"Infinity", b"\xef\xbc\x95", b"5\xc2\xa0", b"(5)", b"5 ;", b"5\x7f",
]
LENGTH_FIELDS = [
    b"Content-Length : 5", b"Content-Length\t: 5", b" Content-Length: 5", b"\tContent-Length: 5", b"Content-Length\x00: 5",
    b"Content Length: 5", b"Content-Length 5", b"Content-Length", b"Content-Length:\r\n 5", b"X: y\nContent-Length: 5",
    b"X: y\rContent-Length: 5", b"Content-Length\r: 5", b"Content-Length=5", b"\xffContent-Length: 5", b"Content-Length: 5\n",
]
CHUNKED_BODIES = [
    b"0x5\r\nhello", b"+5\r\nhello", b"-5\r\nhello", b" 5\r\nhello", b"\t5\r\nhello", b"\r\nhello", b"g\r\nhello", b"5g\r\nhello",
    b"5\nhello", b"5\rhello", b"5\r\r\nhello", b"5\x00\r\nhello", b"5\x0b\r\nhello", b"5_\r\nhello", b"5.\r\nhello", b"5,\r\nhello",
    b"5 5\r\nhello", b"'5'\r\nhello", b"\xd9\xa5\r\nhello", b"5;a\nhello", b"5;a\rb\r\nhello", b"5;a\x00\r\nhello",
    b"5;a=\"\n\"\r\nhello", b"5;\x7f\r\nhello", b"10000000000000005\r\nhello", b"ffffffffffffffff\r\nhello",
    b"fffffffffffffffff\r\nhello", b"8000000000000005\r\nhello", b"0000000000000000000000005x\r\nhello", b"five\r\nhello",
    b"4\r\nhello", b"5\r\nhellox", b"5\r\nhello\n", b"5\r\nhello\r", b"5\r\nhello\n\r", b"5\r\nhello\x00", b"5\r\nhello\r\r",
    b"5\r\nhello;", b"5\r\nhello\r\nx", b"5\r\nhello\r\n\n", b"5\r\nhello\r\n-0", b"5\r\nhello\r\n+0", b"5\r\nhello\r\n0x0",
]
TRAILERS = [
    b"no colon", b" Folded: x", b"\tFolded: x", b": empty", b"Space : x", b"Bad\x00: x", b"Bad: \x00", b"A: b\nC: d", b"A: b\rC: d",
    b"A: b\r\n folded", b"\x0bA: b",
]
LINES = [
    b"POST  /judged HTTP/1.1", b"POST /judged  HTTP/1.1", b"POST\t/judged HTTP/1.1", b"POST /judged\tHTTP/1.1",
    b" POST /judged HTTP/1.1", b"\tPOST /judged HTTP/1.1", b"POST /judged HTTP/1.1 ", b"POST /judged HTTP/1.1\t", b"POST /jud ged HTTP/1.1",
    b"POST /judged HTTP/1.1 HTTP/1.1", b"POST /judged HTTP/1.1x", b"POST /judged HTTP/1.", b"POST /judged HTTP/1", b"POST /judged HTTP/11",
    b"POST /judged HTTP/1.10", b"POST /judged HTTP/01.1", b"POST /judged HTTP/1,1", b"POST /judged HTTP 1.1", b"POST /judged http/1.1",
    b"POST /judged HTTP/-1.1", b"POST /judged HTTP/3.0", b"POST /judged HTTP/9.9", b"POST /judged HTTP/1.1\r", b"POST /judged FTP/1.1",
    b"POST /jud\x00ged HTTP/1.1", b"POST /jud\x7fged HTTP/1.1", b"POST /jud\x0bged HTTP/1.1", b"P\x00OST /judged HTTP/1.1",
    b"P(ST /judged HTTP/1.1", b"POST: /judged HTTP/1.1", b"\x00POST /judged HTTP/1.1", b"POST /judged", b"POST", b"POST HTTP/1.1",
    b"POST /judged\rHTTP/1.1", b"POST /judged HTTP/1.1\nX: y", b"P\xc3\xb6ST /judged HTTP/1.1", b"POST /judged HTTP/1.1\x00",
]
FIELDS = [
    b"Bad\x00: x", b"Bad: \x00", b"Bad: a\x00b", b"Bad name: x", b"B(d: x", b"B[d: x", b"B{d: x", b"B\"d: x", b"B,d: x", b"B/d: x", b"B;d: x",
    b"B=d: x", b"B?d: x", b"B@d: x", b"B\\d: x", b"B\xffd: x", b"B\x7fd: x", b"B\x1fd: x", b"Bad: a\nb", b"Bad: a\rb", b"no colon at all",
    b": no name", b"Folded: a\r\n b", b"Folded: a\r\n\tb", b"Bad: a\x01b", b"Bad: a\x1fb", b"Bad: a\x7fb", b"Host: other", b"\rBad: x",
]


def mutations():
    """Pairs of a name and the bytes to send."""
    whole = str(len(CHUNKS_THEN_HIDDEN)).encode()
    for index, coding in enumerate(CODINGS):
        field = b"Transfer-Encoding: " + coding
        yield f"coding {coding!r}", request(field, body=CHUNKS_THEN_HIDDEN)
        yield f"length, coding {coding!r}", request(b"Content-Length: " + whole, field, body=CHUNKS_THEN_HIDDEN)
        if index % 2:
            yield f"coding {coding!r}, length", request(field, b"Content-Length: 5", body=CHUNKS_THEN_HIDDEN)
    for field in CODING_FIELDS:
        yield f"field {field!r}", request(field, body=CHUNKS_THEN_HIDDEN)
        yield f"length, field {field!r}", request(b"Content-Length: " + whole, field, body=CHUNKS_THEN_HIDDEN)
    for length, method in itertools.product((whole, b"0", b"5"), (b"POST", b"GET", b"PUT")):
        line = method + b" /judged HTTP/1.1"
        coding, known = b"Transfer-Encoding: chunked", b"Content-Length: " + length
        yield f"{method!r} length {length!r}, then chunked", request(known, coding, line=line, body=CHUNKS_THEN_HIDDEN)
        yield f"{method!r} chunked, then length {length!r}", request(coding, known, line=line, body=CHUNKS_THEN_HIDDEN)
    for length in LENGTHS:
        for method in (b"POST", b"GET"):
            line = method + b" /judged HTTP/1.1"
            yield f"{method!r} length {length!r}", request(b"Content-Length: " + length, line=line, body=b"hello" + HIDDEN)
    for field in LENGTH_FIELDS:
        yield f"field {field!r}", request(field, body=b"hello" + HIDDEN)
    for body in CHUNKED_BODIES:
        yield f"chunks {body!r}", request(b"Transfer-Encoding: chunked", body=body + b"\r\n0\r\n\r\n" + HIDDEN)
    for trailer in TRAILERS:
        body = b"5\r\nhello\r\n0\r\n" + trailer + b"\r\n\r\n" + HIDDEN
        yield f"trailer {trailer!r}", request(b"Transfer-Encoding: chunked", body=body)
    for line in LINES:
        yield f"line {line!r}", request(b"Content-Length: 5", line=line, body=b"hello" + HIDDEN)
    for field in FIELDS:
        yield f"field {field!r}", request(field, b"Content-Length: 5", body=b"hello" + HIDDEN)
    for coding in (b"chunked", b"identity"):
        old = request(b"Transfer-Encoding: " + coding, line=b"POST /judged HTTP/1.0", body=CHUNKS_THEN_HIDDEN)
        yield f"HTTP/1.0 with {coding!r}", old


# What is in order has to be served, or the refusals say nothing. The number is that of the answers wanted.
CONTROLS = [
    ("a length, and a second request", request(b"Content-Length: 5", body=b"hello" + HIDDEN), 2),
    ("chunks, and a second request", request(b"Transfer-Encoding: chunked", body=CHUNKS_THEN_HIDDEN), 2),
    ("CHUNKED is chunked", request(b"tRANSFER-eNCODING:\tCHUNKED ", body=CHUNKS_THEN_HIDDEN), 2),
    ("chunk extensions", request(b"Transfer-Encoding: chunked", body=b"5;a=b;c=\"d\"\r\nhello\r\n0;e\r\n\r\n" + HIDDEN), 2),
    ("trailers", request(b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\nA: b\r\n\r\n" + HIDDEN), 2),
    ("spaces around a value", request(b"Content-Length: \t 5 \t", body=b"hello" + HIDDEN), 2),
]


def judge(port: int, bytes_out: bytes) -> Outcome:
    try:
        return exchange(port, bytes_out, patience=4)
    except OSError as error:
        raise SystemExit(f"FAILED: the server takes no connections any more: {error}") from error


def main() -> int:
    port = int(sys.argv[1])
    findings = 0
    for name, bytes_out, answers in CONTROLS:
        outcome = exchange(port, bytes_out, patience=4, enough=answers)
        if outcome.statuses != [200] * answers:
            print(f"FAILED control: {name}: {outcome}")
            findings += 1
    cases = list(mutations())
    with concurrent.futures.ThreadPoolExecutor(max_workers=16) as pool:
        outcomes = pool.map(lambda case: judge(port, case[1]), cases)
        for (name, _), outcome in zip(cases, outcomes):
            if not outcome.refused:
                print(f"FAILED {name}: {outcome}")
                findings += 1
    print(f"{len(cases)} mutations, {len(CONTROLS)} controls, {findings} findings")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
