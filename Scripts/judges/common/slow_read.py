"""Two clients at once: one that asks for a lot and reads nothing, one that only wants to be served.

usage: slow_read.py PORT SECONDS. The reader that does not read has to be closed within SECONDS; every probe has to be
answered within two seconds all the time. With `probe` as a third argument there is no slow reader.
"""

import select
import socket
import sys
import threading
import time

from exchange import exchange

PROBE = b"GET /probe HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
BODY = bytes(512 * 1024)
GREEDY = b"POST /greedy HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
CONNECTIONS = 20


def never_reads(port: int, deadline: float) -> bool:
    """True when the server ended the connection in time."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(("127.0.0.1", port))
        connection.setblocking(False)
        left = b""
        while time.monotonic() < deadline:
            # The end of a stream hides behind the bytes that are not read, so only an error or a hang-up shows it.
            poller = select.poll()
            poller.register(connection, select.POLLOUT)
            if any(event & (select.POLLHUP | select.POLLERR) for _, event in poller.poll(200)):
                return True
            try:
                left = left or GREEDY
                left = left[connection.send(left):]
            except BlockingIOError:
                time.sleep(0.2)
            except OSError:
                return True
    return False


def probe(port: int, seconds: float, done: threading.Event) -> list[str]:
    findings = []
    end = time.monotonic() + seconds
    count = 0
    while time.monotonic() < end and not done.is_set():
        began = time.monotonic()
        try:
            outcome = exchange(port, PROBE, patience=2, enough=1)
            if outcome.statuses != [200]:
                findings.append(f"a probe after {count} others: {outcome}")
        except OSError as error:
            findings.append(f"a probe after {count} others: {error}")
        count += 1
        time.sleep(max(0, 0.5 - (time.monotonic() - began)))
    print(f"{count} probes, {len(findings)} not served in 2 s")
    return findings


def main() -> int:
    port, seconds = int(sys.argv[1]), float(sys.argv[2])
    only_probe = len(sys.argv) > 3
    done = threading.Event()
    ended: list[bool] = []
    deadline = time.monotonic() + seconds
    readers = [] if only_probe else [
        threading.Thread(target=lambda: ended.append(never_reads(port, deadline))) for _ in range(CONNECTIONS)
    ]
    for reader in readers:
        reader.start()
    waiting = threading.Thread(target=lambda: ([reader.join() for reader in readers], done.set()))
    if readers:
        waiting.start()
    findings = probe(port, seconds, done)
    for reader in readers:
        reader.join()
    if not only_probe and ended.count(True) != CONNECTIONS:
        findings.append(f"{ended.count(True)} of {CONNECTIONS} connections that never read were ended in {seconds:.0f} s")
    for finding in findings[:10]:
        print(f"FAILED {finding}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
