"""Starting processes: bounded in time, with their time and peak memory, and what they said kept for the failure."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from threading import Timer

LIMIT_SECONDS = 3600
ENVIRONMENT = {**os.environ, "PGTZ": "UTC", "PGCLIENTENCODING": "UTF8", "NO_COLOR": "1"}


class CommandFailed(Exception):
    """A process ended otherwise than it had to."""


@dataclass
class Finished:
    seconds: float
    peak_bytes: int
    output: str


def log(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def execute(command, secret_free_name, codes=(0,), stdout=None, environment=ENVIRONMENT):
    """Runs `command` to its end. `stdout` takes its output if given, else it is returned as text."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout or output, stderr=errors,
                                   env=environment, start_new_session=True)
        code, usage = _wait(process)
        seconds = time.perf_counter() - began
        if code not in codes:
            said = (_text(errors) or _text(output))[-2000:]
            raise CommandFailed(f"{secret_free_name} ended with {code}: {said}")
        # Linux counts in kibibytes; macOS in bytes.
        unit = 1 if sys.platform == "darwin" else 1024
        return Finished(seconds, usage.ru_maxrss * unit, _text(output))


class Running:
    """A process that goes on beside us. What it says goes to a file; it is ended by its own number."""

    END_SECONDS = 40

    def __init__(self, name, command, environment, log_file):
        self.name, self.log_file = name, log_file
        with open(log_file, "ab") as output:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                            env=environment, start_new_session=True)

    def await_ready(self, is_ready, seconds=60):
        until = time.monotonic() + seconds
        while not is_ready():
            if self.process.poll() is not None or time.monotonic() > until:
                raise CommandFailed(f"{self.name} did not come up: {self.log_file.read_text(errors='replace')[-2000:]}")
            time.sleep(0.05)

    def ask_to_end(self):
        self.process.terminate()

    def must_end(self):
        try:
            self.process.wait(self.END_SECONDS)
        except subprocess.TimeoutExpired:
            log(f"{self.name} (pid {self.process.pid}) does not end: it is killed")
            self.process.kill()
            self.process.wait()


def _wait(process):
    """Waits for this child only, with what it alone used; ends its whole group when the limit passes."""
    timer = Timer(LIMIT_SECONDS, os.killpg, (process.pid, signal.SIGKILL))
    timer.start()
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    finally:
        timer.cancel()
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage


def _text(file):
    file.seek(0)
    return file.read().decode("utf-8", "replace")
