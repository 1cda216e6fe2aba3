"""pinksync as it is measured: one sync file, one process per session, and its report."""

import json

from processes import execute
from server import SOURCE, TARGET, WrongResult


class Pinksync:
    def __init__(self, program, folder):
        self.program = program
        self.folder = folder

    def version(self):
        return execute([self.program, "--version"], "pinksync --version").output.strip()

    def sync_between(self, server):
        """The sync that the measures use: the table `records` of one database to the other."""
        return Sync(self, "tables", {
            "source": {"type": "postgres", "url": server.url(SOURCE)},
            "target": {"type": "postgres", "url": server.url(TARGET)},
            "datasets": [{"source": "public.records", "target": "public.records", "key": ["id"]}],
        })

    def sync_from_file(self, server, path):
        return Sync(self, "file", {
            "source": {"type": "csv", "path": str(path)},
            "target": {"type": "postgres", "url": server.url(TARGET)},
            "datasets": [{"target": "public.records", "key": ["id"]}],
        })


class Sync:
    """A sync file with its state; what is not written in it is at its default."""

    def __init__(self, pinksync, name, sides):
        self.pinksync = pinksync
        self.file = pinksync.folder / f"{name}.yaml"
        self.report = pinksync.folder / f"{name}.report.json"
        self.definition = {"name": f"bench-{name}", "direction": "one_way", "strategy": "source_wins", **sides}
        # JSON is YAML.
        self.file.write_text(json.dumps(self.definition, indent=2) + "\n")
        self.forget()

    def forget(self):
        """Removes the state, so that the next session is a first one."""
        for path in self.file.parent.glob(self.file.stem + ".state.db*"):
            path.unlink()

    def run(self, created=0, updated=0):
        """One session, which has to write just these numbers of records."""
        self.report.unlink(missing_ok=True)
        finished = execute([self.pinksync.program, "run", str(self.file), "--report", str(self.report), "--yes"],
                           "pinksync run")
        report = json.loads(self.report.read_text())
        written = report["datasets"][0]["to_target"]
        expected = {"created": created, "updated": updated, "deleted": 0}
        if report["session"]["status"] != "completed" or {name: written[name] for name in expected} != expected:
            raise WrongResult(f"pinksync run reports {report['session']['status']} and {written}, {expected} expected")
        return finished
