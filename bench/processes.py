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


def execute(command, secret_free_name, codes=(0,), stdout=None):
    """Runs `command` to its end. `stdout` takes its output if given, else it is returned as text."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout or output, stderr=errors,
                                   env=ENVIRONMENT, start_new_session=True)
        code, usage = _wait(process)
        seconds = time.perf_counter() - began
        if code not in codes:
            said = (_text(errors) or _text(output))[-2000:]
            raise CommandFailed(f"{secret_free_name} ended with {code}: {said}")
        # Linux counts in kibibytes; macOS in bytes.
        unit = 1 if sys.platform == "darwin" else 1024
        return Finished(seconds, usage.ru_maxrss * unit, _text(output))


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
