"""The service as it is measured: API, scheduler and workers, with a database and a virtual host that are new."""

import base64
import http.client
import json
import os
import shutil
import socket
import time
import urllib.error
import urllib.request

from processes import ENVIRONMENT, Running, execute
from server import SERVICE, WrongResult

ENDED = ("completed", "failed", "cancelled")
SESSION_SECONDS = 600

# The service closes a connection that nobody uses for some time: before that it is opened anew.
IDLE_SECONDS = 2


class Service:
    """Lives as long as its `with` block. Files below `folder` may be used; the logs lie there, too."""

    def __init__(self, name, pinksync, server, broker, **settings):
        self.program, self.folder = pinksync.program, pinksync.folder / "service" / name
        self.server, self.broker = server, broker
        self.settings = settings
        self.running, self.workers = [], []

    def __enter__(self):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.server.make_empty(SERVICE)
        self.port = free_port()
        own = {name: value for name, value in ENVIRONMENT.items() if not name.startswith("PINKSYNC_")}
        self.environment = {
            **own,
            "PINKSYNC_DATABASE_URL": self.server.url(SERVICE),
            "PINKSYNC_AMQP_URL": self.broker.make_vhost(),
            "PINKSYNC_MASTER_KEY": "bench:" + base64.b64encode(os.urandom(32)).decode(),
            "PINKSYNC_API_LISTEN": f"127.0.0.1:{self.port}",
            "PINKSYNC_ALLOWED_NETWORKS": "127.0.0.0/8",
            "PINKSYNC_FILE_ROOTS": str(self.folder),
            "PINKSYNC_RATE_LIMIT": "0",
            **self.settings,
        }
        try:
            self._execute("migrate")
            self.key = self._execute("keys", "create", "--account", "bench", "--permission", "admin").strip()
            self._start(self.running, "api", self.port)
            self._start(self.running, "scheduler", free_port())
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.stop_workers()
        _end(self.running)
        self.server.drop_databases(SERVICE)
        self.broker.drop_vhost()

    def start_workers(self, count):
        """Returns once all of them take messages."""
        for _ in range(count):
            self._start(self.workers, "worker", free_port())
        self.workers[-1].await_ready(lambda: self.broker.consuming_connections() >= len(self.workers))

    def stop_workers(self):
        _end(self.workers)

    def client(self):
        return Client(self.port, self.key)

    def _execute(self, *arguments):
        command = [self.program, "--quiet", *arguments]
        return execute(command, f"pinksync {arguments[0]}", environment=self.environment).output

    def _start(self, among, role, port):
        name = f"{role}-{len(among) + 1}" if role == "worker" else role
        environment = {**self.environment, "PINKSYNC_METRICS_LISTEN": f"127.0.0.1:{port}"}
        process = Running(name, [self.program, role], environment, self.folder / f"{name}.log")
        among.append(process)
        process.await_ready(lambda: _is_ready(port))


class Client:
    """One connection to the REST API that is kept, with a token of its own."""

    def __init__(self, port, key):
        self.connection, self.used = http.client.HTTPConnection("127.0.0.1", port, timeout=60), 0.0
        self.headers = {"content-type": "application/json"}
        self.token = self.post("/v1/auth/token", {"api_key": key})["access_token"]
        self.headers["authorization"] = f"Bearer {self.token}"

    def get(self, path):
        return self._ask("GET", path, None)

    def post(self, path, body):
        return self._ask("POST", path, json.dumps(body))

    def submit(self, sync_id):
        return self.post("/v1/sessions", {"sync_id": sync_id})["id"]

    def follow(self, session, every_seconds):
        """The session once it is completed; it is asked for that often."""
        until = time.monotonic() + SESSION_SECONDS
        while True:
            found = self.get(f"/v1/sessions/{session}")
            if found["status"] in ENDED or time.monotonic() > until:
                break
            time.sleep(every_seconds)
        if found["status"] != "completed":
            raise WrongResult(f"session {session} is {found['status']}: {found['reason']}")
        return found

    def _ask(self, method, path, body):
        if time.monotonic() - self.used > IDLE_SECONDS:
            self.connection.close()
        self.connection.request(method, path, body, self.headers)
        answer = self.connection.getresponse()
        text = answer.read()
        self.used = time.monotonic()
        if answer.status >= 300:
            raise WrongResult(f"{method} {path}: {answer.status} {text.decode(errors='replace')}")
        return json.loads(text)


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def _is_ready(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def _end(processes):
    """All are asked at once: those with work hand it back."""
    for process in processes:
        process.ask_to_end()
    for process in processes:
        process.must_end()
    processes.clear()
