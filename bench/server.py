"""The PostgreSQL server that everything runs on, spoken to through psql."""

import glob
import re
import shutil
from urllib.parse import urlsplit, urlunsplit

import records
from processes import execute

SOURCE = "bench_source"
TARGET = "bench_target"


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

    def version(self):
        return "PostgreSQL " + execute(self.command(self.admin_url, "SHOW server_version"), "psql").output.split()[0]

    def drop_databases(self):
        drops = [f"DROP DATABASE IF EXISTS {name} WITH (FORCE)" for name in (SOURCE, TARGET)]
        execute(self.command(self.admin_url, *drops), "psql")

    def make_databases(self, rows):
        """Both databases anew: the source filled, the target without a table."""
        self.drop_databases()
        creates = [f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'" for name in (SOURCE, TARGET)]
        execute(self.command(self.admin_url, *creates), "psql")
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
