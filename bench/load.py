"""A load of POST requests over connections that are kept: each sends its next request when it has its answer.

One thread and bare sockets, so that what asks takes little from what answers; the share it took is told.
"""

import collections
import selectors
import socket
import time
from dataclasses import dataclass, field


@dataclass
class Load:
    """What came of it."""

    # Answers by status, also those of the warm-up.
    answers: collections.Counter = field(default_factory=collections.Counter)
    # Seconds of each request that was answered after the warm-up, and how long that went on.
    latencies: list = field(default_factory=list)
    seconds: float = 0.0
    # Processor time of the load itself, as a part of one core.
    own_share: float = 0.0

    def per_second(self):
        return len(self.latencies) / self.seconds

    def percentile(self, part):
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


class Connection:
    def __init__(self, port, head):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.head, self.received, self.sent_at = head, b"", 0.0

    def send(self, body):
        self.sent_at = time.perf_counter()
        self.socket.sendall(b"%scontent-length: %d\r\n\r\n%s" % (self.head, len(body), body))

    def receive(self):
        """The status, once the answer is whole."""
        part = self.socket.recv(65536)
        if not part:
            raise ConnectionError("the service has closed a connection")
        self.received += part
        head, found, body = self.received.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return None
        self.received = b""
        return int(head[9:12])


def run(port, path, token, bodies, connections, warm_up_seconds, seconds):
    """Posts what `bodies` yields. Every request that was sent is answered when this returns."""
    head = (f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer {token}\r\n"
            "content-type: application/json\r\n").encode()
    load, selector = Load(), selectors.DefaultSelector()
    open_ones = [Connection(port, head) for _ in range(connections)]
    begun = time.perf_counter() + warm_up_seconds
    until = begun + seconds
    cpu = time.process_time()
    for one in open_ones:
        selector.register(one.socket, selectors.EVENT_READ, one)
        one.send(next(bodies))
    waiting = connections
    while waiting:
        for key, _ in selector.select():
            one = key.data
            status = one.receive()
            if status is None:
                continue
            now = time.perf_counter()
            load.answers[status] += 1
            if begun <= now < until:
                load.latencies.append(now - one.sent_at)
            if now < until:
                one.send(next(bodies))
            else:
                waiting -= 1
                selector.unregister(one.socket)
                one.socket.close()
    load.own_share = (time.process_time() - cpu) / (warm_up_seconds + seconds)
    load.seconds = seconds
    return load


def _length(head):
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise ValueError("an answer does not tell its length")
