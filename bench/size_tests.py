"""Large datasets in little memory: each session's peak stays below one limit, whatever the size."""

import os

import records
from processes import execute, log
from results import Result
from server import SOURCE, TARGET, WrongResult

LIMIT_BYTES = 400_000_000
TABLE_ROWS = 5_000_000
FILE_BYTES = 2_000_000_000


def take(scale, server, pinksync, folder):
    return table_to_table(scale, server, pinksync) + file_to_table(scale, server, pinksync, folder)


def table_to_table(scale, server, pinksync):
    rows = max(1000, int(TABLE_ROWS * scale))
    log(f"size test: {rows:,} rows from PostgreSQL to PostgreSQL")
    server.make_databases(rows)
    server.make_table(TARGET, "records")
    sync = pinksync.sync_between(server)
    return two_sessions(f"{rows:,} rows, PostgreSQL to PostgreSQL", sync, rows, lambda what: server.must_agree(rows, what))


def file_to_table(scale, server, pinksync, folder):
    path = folder / "records.csv"
    try:
        rows, size = write_file(server, path, int(FILE_BYTES * scale))
        log(f"size test: a CSV file of {size / 1e9:.2f} GB, {rows:,} rows, to PostgreSQL")
        server.make_table(TARGET, "records")
        expected = server.summary(SOURCE, f"({records.generate(rows)}) AS generated")
        sync = pinksync.sync_from_file(server, path)
        return two_sessions(f"CSV of {size / 1e9:.2f} GB to PostgreSQL", sync, rows,
                            lambda what: must_hold(server, expected, what))
    finally:
        path.unlink(missing_ok=True)


def two_sessions(name, sync, rows, check):
    """The first writes everything, the second finds nothing to do; the state of both goes afterwards."""
    results = []
    for label, created in (("first session", rows), ("second session", 0)):
        finished = sync.run(created=created)
        check(f"{name}, {label}")
        log(f"{name}, {label}: {finished.peak_bytes / 1e6:.0f} MB, {finished.seconds:.1f} s")
        results.append(Result.memory(f"{name}, {label}", finished, LIMIT_BYTES))
    sync.forget()
    return results


def write_file(server, path, least_bytes):
    """A CSV file with a header, of `least_bytes` or a little more; returns its rows and bytes."""
    sample_rows = 100_000
    rows = sample_rows
    copy_out(server, path, sample_rows)
    if os.path.getsize(path) < least_bytes:
        # Later rows are longer, since their numbers have more digits: never fewer bytes than asked for.
        rows = -(-least_bytes * sample_rows // os.path.getsize(path))
        copy_out(server, path, rows)
    return rows, os.path.getsize(path)


def copy_out(server, path, rows):
    statement = f"COPY ({records.generate_text(rows)}) TO STDOUT (FORMAT csv, HEADER)"
    with open(path, "wb") as file:
        execute(server.command(server.url(SOURCE), statement), "psql", stdout=file)


def must_hold(server, expected, what):
    found = server.summary(TARGET)
    if found != expected:
        raise WrongResult(f"{what}: the target holds (count|hash) {found}, {expected} expected")
