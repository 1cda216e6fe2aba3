"""What pinksync is measured against: COPY through two psql, and reladiff."""

import sys

from processes import execute
from server import SOURCE, TARGET, WrongResult


class CopyPipe:
    """psql COPY binary into psql COPY binary: the fastest way to move a table with PostgreSQL's own tools."""

    TABLE = "records_copy"

    def __init__(self, server):
        self.server = server

    def run(self, rows):
        """Seconds for all rows into a table that has its primary key."""
        self.server.make_table(TARGET, self.TABLE)
        self.server.checkpoint()
        script = ('set -o pipefail; "$0" -X -q "$1" -c "COPY records TO STDOUT (FORMAT binary)" '
                  f'| "$0" -X -q -v ON_ERROR_STOP=1 "$2" -c "COPY {self.TABLE} FROM STDIN (FORMAT binary)"')
        command = ["bash", "-c", script, self.server.psql, self.server.url(SOURCE), self.server.url(TARGET)]
        seconds = execute(command, "the COPY pipe").seconds
        self.server.must_agree(rows, "the COPY pipe", self.TABLE)
        self.server.ask(TARGET, f"DROP TABLE {self.TABLE}")
        return seconds


class Reladiff:
    """The fastest open comparer of two databases that we know, installed on first use."""

    VERSION = "0.6.0"

    def __init__(self, folder, options=()):
        self.environment = folder / "venv"
        self.options = list(options)

    def version(self):
        return " ".join(["reladiff", self.VERSION, *self.options])

    def install(self):
        program = self.environment / "bin" / "reladiff"
        if not program.exists():
            execute([sys.executable, "-m", "venv", str(self.environment)], "python3 -m venv")
            execute([str(self.environment / "bin" / "pip"), "install", "--quiet", f"reladiff[postgresql]=={self.VERSION}"],
                    "pip install reladiff")
        return str(program)

    def run(self, server, differing):
        """Seconds to compare all columns of both tables; it has to find `differing` updated rows."""
        program = self.install()
        server.checkpoint()
        tables = [part for database in (SOURCE, TARGET) for part in (_url(server, database), "records")]
        finished = execute([program, *tables, "-k", "id", "-c", "%", "--json", *self.options], "reladiff")
        # It breaks lines at the width of a terminal, even in JSON.
        found = finished.output.replace("\n", "")
        gone, new = (found.count(f'["{sign}", ["') for sign in "-+")
        if (gone, new) != (differing, differing):
            raise WrongResult(f"reladiff found {gone} old and {new} new rows, {differing} expected")
        return finished.seconds


def _url(server, database):
    """The only spelling that reladiff knows."""
    return server.url(database).replace("postgres://", "postgresql://", 1)
