"""A raw exchange with a server, as the judges of HTTP need it: bytes out, what came back, and how it ended."""

import dataclasses
import re
import socket
import time

STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})[ \r]")


@dataclasses.dataclass
class Outcome:
    """What a server did with some bytes."""

    received: bytes = b""
    closed: bool = False

    @property
    def statuses(self) -> list[int]:
        """The status of every answer; an interim one (1xx) is none."""
        found = [int(status) for status in STATUS_LINE.findall(self.received)]
        return [status for status in found if status >= 200]

    @property
    def refused(self) -> bool:
        """One answer of 4xx or 5xx at most, and the end of the connection."""
        answers = self.statuses
        return self.closed and (not answers or (len(answers) == 1 and answers[0] >= 400))

    def __str__(self) -> str:
        answers = " ".join(map(str, self.statuses)) or "nothing"
        return f"answered {answers}, {'closed' if self.closed else 'left open'}"


def exchange(port: int, *parts: bytes, patience: float = 3.0, pause: float = 0.05, enough: int = 0) -> Outcome:
    """Sends the parts with pauses between them, and listens until the server closes, the answers are `enough`, or the
    patience ends."""
    outcome = Outcome()
    with socket.create_connection(("127.0.0.1", port), timeout=patience) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for index, part in enumerate(parts):
            if index:
                time.sleep(pause)
            try:
                connection.sendall(part)
            except OSError:
                break  # refused already; what was said before is still there to be read
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            connection.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                piece = connection.recv(65536)
            except TimeoutError:
                break
            except OSError:
                outcome.closed = True
                break
            if not piece:
                outcome.closed = True
                break
            outcome.received += piece
            if len(outcome.received) > 1 << 20 or (enough and len(outcome.statuses) >= enough):
                break
    return outcome
