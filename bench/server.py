"""The PostgreSQL server that everything runs on, spoken to through psql."""

import glob
import re
import shutil
import tempfile
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import records
from processes import execute

SOURCE = "bench_source"
TARGET = "bench_target"
# The metadata database of a service.
SERVICE = "bench_service"


class WrongResult(Exception):
    """Something was done, but not what had to be."""


def find_psql():
    """The program itself: Debian's `psql` in PATH is a wrapper whose start would count against the reference."""
    def version(path):
        return int(re.search(r"/(\d+)/", path).group(1))
    installed = sorted(glob.glob("/usr/lib/postgresql/*/bin/psql"), key=version)
    return installed[-1] if installed else shutil.which("psql") or "psql"


class Server:
    def __init__(self, admin_url):
        self.admin_url = admin_url
        self.psql = find_psql()

    def url(self, database):
        return urlunsplit(urlsplit(self.admin_url)._replace(path=f"/{database}"))

    def command(self, url, *statements):
        """A psql command line that runs each statement in a transaction of its own."""
        line = [self.psql, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", url]
        for statement in statements:
            line += ["-c", statement]
        return line

    def ask(self, database, *statements):
        return execute(self.command(self.url(database), *statements), "psql").output.strip()

    def commits_per_second(self, statement, clients, seconds):
        """Transactions of this one statement a second, by as many clients at once."""
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
            script.write(statement + ";\n")
            script.flush()
            command = [str(Path(self.psql).with_name("pgbench")), "--no-vacuum", "--file", script.name,
                       "--client", str(clients), "--jobs", "2", "--time", str(seconds), "--protocol", "prepared",
                       self.url(SERVICE)]
            return float(re.search(r"tps = ([0-9.]+)", execute(command, "pgbench").output).group(1))

    def version(self):
        return "PostgreSQL " + execute(self.command(self.admin_url, "SHOW server_version"), "psql").output.split()[0]

    def drop_databases(self, *names):
        drops = [f"DROP DATABASE IF EXISTS {name} WITH (FORCE)" for name in names or (SOURCE, TARGET, SERVICE)]
        execute(self.command(self.admin_url, *drops), "psql")

    def make_empty(self, *names):
        """Databases anew, with nothing in them."""
        self.drop_databases(*names)
        creates = [f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'" for name in names]
        execute(self.command(self.admin_url, *creates), "psql")

    def make_databases(self, rows):
        """Both databases anew: the source filled, the target without a table."""
        self.make_empty(SOURCE, TARGET)
        self.make_table(SOURCE, "records")
        self.ask(SOURCE, f"INSERT INTO records {records.generate(rows)}")
        self.settle(SOURCE, "records")

    def make_table(self, database, table):
        self.ask(database, f"DROP TABLE IF EXISTS {table}", records.create_table(table))

    def settle(self, database, table):
        """What autovacuum would do in its own time, before it can disturb a measure."""
        self.ask(database, f"VACUUM (ANALYZE) {table}")

    def checkpoint(self):
        """So that each measured process starts with an empty write-ahead log."""
        execute(self.command(self.admin_url, "CHECKPOINT"), "psql")

    def summary(self, database, relation="records"):
        """Count and a hash over every byte of every row; the order of rows does not matter."""
        return self.ask(database, records.summarise(relation))

    def must_agree(self, rows, what, target="records"):
        """The target holds just the source's records, `rows` of them."""
        source, found = self.summary(SOURCE), self.summary(TARGET, target)
        if source != found or int(found.split("|")[0]) != rows:
            raise WrongResult(f"{what}: the source holds (count|hash) {source}, the target {found}; {rows} rows expected")
