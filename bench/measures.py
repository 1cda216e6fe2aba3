"""The four measures: what is done, in which order, and the floor of each."""

import records
from processes import log
from reference import CopyPipe
from results import Result
from server import SOURCE, TARGET


class Bench:
    """Two databases, the sync between them, and what it is measured against."""

    def __init__(self, rows, repeat, server, pinksync, reladiff):
        self.rows, self.repeat = rows, repeat
        self.server, self.reladiff = server, reladiff
        self.copy = CopyPipe(server)
        self.sync = pinksync.sync_between(server)
        self.copy_seconds = []
        self.loaded = False
        self.turn = 0

    def session(self, what, created=0, updated=0):
        """Seconds of one session, with the target checked after it."""
        self.server.checkpoint()
        seconds = self.sync.run(created, updated).seconds
        self.server.must_agree(self.rows, what)
        return seconds

    def load(self):
        """A first session into an empty table with its primary key."""
        self.server.make_table(TARGET, "records")
        self.sync.forget()
        self.loaded = True
        return self.session("first load", created=self.rows)

    def be_loaded(self):
        """Both tables equal and known to the sync, as the first load leaves them."""
        if not self.loaded:
            self.load()
        self.server.settle(TARGET, "records")

    def copy_all(self):
        self.copy_seconds.append(self.copy.run(self.rows))
        return self.copy_seconds[-1]

    def change(self):
        self.turn += 1
        self.server.ask(SOURCE, records.change_scattered(self.rows, self.turn))

    def change_all(self):
        self.turn += 1
        self.server.ask(SOURCE, records.change_all(self.turn))
        self.server.settle(SOURCE, "records")

    def take_turns(self, name, ours, reference):
        """Each `repeat` times, ours first in every other turn."""
        seconds = {"ours": [], "reference": []}
        for turn in range(self.repeat):
            pair = [("ours", ours), ("reference", reference)]
            for side, work in pair if turn % 2 == 0 else reversed(pair):
                seconds[side].append(work())
                log(f"{name}, {side}: {seconds[side][-1]:.2f} s")
        return seconds["ours"], seconds["reference"]


def first_load(bench):
    ours, reference = bench.take_turns("first load", bench.load, bench.copy_all)
    return Result.at_least("first load", ours, reference, 0.5, "psql COPY pipe")


def unchanged(bench):
    bench.be_loaded()
    ours, reference = bench.take_turns(
        "unchanged", lambda: bench.session("unchanged"), lambda: bench.reladiff.run(bench.server, differing=0))
    return Result.at_least("second session, nothing changed", ours, reference, 5, "reladiff")


def scattered(bench):
    """Each meets 100 changes of its own; those that the reference found are applied outside the measure."""
    def ours():
        bench.change()
        return bench.session("100 changes", updated=100)

    def reference():
        bench.change()
        seconds = bench.reladiff.run(bench.server, differing=100)
        bench.session("100 changes", updated=100)
        return seconds

    bench.be_loaded()
    ours, reference = bench.take_turns("100 changes", ours, reference)
    return Result.at_least("100 scattered changes", ours, reference, 8, "reladiff")


def all_updated(bench):
    """The reference is the COPY of the first load, measured before the updates swell the source."""
    def ours():
        bench.change_all()
        seconds = bench.session("every row updated", updated=bench.rows)
        bench.server.settle(TARGET, "records")
        return seconds

    bench.be_loaded()
    while len(bench.copy_seconds) < bench.repeat:
        bench.copy_all()
    seconds = [ours() for _ in range(bench.repeat)]
    log("every row updated, ours: " + ", ".join(f"{one:.2f} s" for one in seconds))
    return Result.at_most("every row updated", seconds, bench.copy_seconds, 5, "psql COPY pipe of the first load")


# In this order: the later ones stand on what the earlier left.
ALL = {"first_load": first_load, "unchanged": unchanged, "scattered": scattered, "all_updated": all_updated}


def take(rows, repeat, only, server, pinksync, reladiff):
    log(f"making {rows:,} rows")
    server.make_databases(rows)
    bench = Bench(rows, repeat, server, pinksync, reladiff)
    results = [measure(bench) for name, measure in ALL.items() if name in (only or ALL)]
    bench.sync.forget()
    return results
