"""Pairs of small SQLite files, and syncs between them."""

import contextlib
import json
import sqlite3

from server import WrongResult

TABLE = "CREATE TABLE records (id INTEGER PRIMARY KEY, name TEXT, email TEXT, amount REAL, seen_at TEXT)"
ROW = "INSERT INTO records VALUES (?, ?, ?, ?, ?)"


class Pair:
    """A source with `rows` records and a target with an empty table, in files of their own."""

    def __init__(self, folder, name, rows):
        self.name, self.rows = name, rows
        self.source, self.target = folder / f"{name}.source.db", folder / f"{name}.target.db"
        self.file = folder / f"{name}.yaml"
        with opened(self.source) as source, opened(self.target) as target:
            source.execute(TABLE)
            target.execute(TABLE)
            source.executemany(ROW, ((one, f"Customer {one}", f"user{one}@mail.example", one / 4, "2024-05-06T07:08:09Z")
                                     for one in range(1, rows + 1)))
        # JSON is YAML.
        self.file.write_text(json.dumps(self.definition(), indent=2) + "\n")

    def definition(self, name=None):
        return {
            "name": name or self.name,
            "strategy": "source_wins",
            "source": {"type": "sqlite", "path": str(self.source)},
            "target": {"type": "sqlite", "path": str(self.target)},
            "datasets": [{"source": "records", "target": "records", "key": ["id"]}],
        }

    def change_all(self, turn):
        with opened(self.source) as source:
            source.execute("UPDATE records SET name = 'turn ' || ? || ' of ' || id, amount = amount + 1", (turn,))

    def empty_target(self):
        with opened(self.target) as target:
            target.execute("DELETE FROM records")

    def forget(self):
        """Removes the local state, so that the next local session is a first one."""
        for path in self.file.parent.glob(f"{self.name}.state.db*"):
            path.unlink()

    def must_agree(self):
        with opened(self.source) as source, opened(self.target) as target:
            expected, found = (one.execute("SELECT * FROM records ORDER BY id").fetchall() for one in (source, target))
        if len(expected) != self.rows or expected != found:
            raise WrongResult(f"{self.target} does not hold the {self.rows} records of {self.source}")


@contextlib.contextmanager
def opened(path):
    """A connection in one transaction; the file is closed at its end."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        yield connection
