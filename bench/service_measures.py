"""The measures of the service: sessions submitted over REST and carried out by workers, beside local ones."""

import itertools
import json
import time
from concurrent.futures import ThreadPoolExecutor
from statistics import median

import load
from pairs import Pair
from processes import execute, log
from results import Result
from server import SERVICE, SOURCE, TARGET, WrongResult
from service import Service

CONNECTIONS = 16
LOAD_WARM_UP_SECONDS, LOAD_SECONDS = 2, 10
LEAST_PER_SECOND, MOST_P99_SECONDS = 500, 0.050

LATENCY_RECORDS, LATENCY_SESSIONS = 10, 50
LATENCY_POLL_SECONDS = 0.002
MOST_LATENCY_SECONDS = 0.150

POLL_SECONDS = 0.020

MANY_SESSIONS, MANY_RECORDS = 100, 1000

# A target that takes 50 ms for every 100 records, and 30 s for all of them.
SCALING_ROWS, SCALING_BATCH = 60_000, 100
SCALING_WORKERS = (1, 2, 4, 8)
SLOW_TARGET = f"""
    CREATE FUNCTION rest() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN PERFORM pg_sleep(0.05); RETURN NEW; END';
    CREATE TRIGGER slow BEFORE INSERT ON records
        FOR EACH ROW WHEN (NEW.id % {SCALING_BATCH} = 0) EXECUTE FUNCTION rest()"""


class ServiceBench:
    def __init__(self, rows, repeat, server, broker, pinksync):
        self.rows, self.repeat = rows, repeat
        self.server, self.broker, self.pinksync = server, broker, pinksync

    def service(self, name, **settings):
        return Service(name, self.pinksync, self.server, self.broker, **settings)

    def local(self, pair):
        """Seconds of a whole local process."""
        return execute([self.pinksync.program, "run", str(pair.file), "--yes"], "pinksync run").seconds


def submissions(bench):
    """Nobody works: what is submitted waits."""
    results = []
    with bench.service("submissions") as service:
        client = service.client()
        commits = commits_per_second(bench.server)
        sync = client.post("/v1/syncs", unreached_definition("saved"))["id"]
        saved = itertools.repeat(json.dumps({"sync_id": sync}).encode())
        others = (json.dumps({"definition": unreached_definition(f"inline-{number}")}).encode()
                  for number in itertools.count())
        for what, bodies in (("of a saved sync", saved), ("each with another inline definition", others)):
            results.append(submit_many(bench, service, client, what, bodies, commits))
    return results


def submit_many(bench, service, client, what, bodies, commits):
    before = stored_sessions(bench.server)
    done = load.run(service.port, "/v1/sessions", client.token, bodies, CONNECTIONS, LOAD_WARM_UP_SECONDS, LOAD_SECONDS)
    stored = stored_sessions(bench.server) - before
    if set(done.answers) != {201} or done.answers[201] != stored:
        raise WrongResult(f"sessions {what}: answers {dict(done.answers)}, but {stored} sessions are stored")
    per_second, p99 = done.per_second(), done.percentile(0.99)
    log(f"submissions {what}: {per_second:.0f}/s, p99 {p99 * 1000:.1f} ms; "
        f"the load itself took {done.own_share:.0%} of a core")
    return Result(f"submitted sessions {what}", f"{per_second:.0f}/s, p99 {p99 * 1000:.1f} ms",
                  f"{commits:.0f}/s (pgbench, one-row commits)", f"{per_second / commits:.2f} × as many",
                  f"≥ {LEAST_PER_SECOND}/s, p99 ≤ {MOST_P99_SECONDS * 1000:.0f} ms",
                  per_second >= LEAST_PER_SECOND and p99 <= MOST_P99_SECONDS)


def commits_per_second(server):
    """What the same server takes of the smallest transactions, from as many clients."""
    server.ask(SERVICE, "CREATE TABLE one_row (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text)")
    commits = server.commits_per_second("INSERT INTO one_row (note) VALUES ('one row')", CONNECTIONS, 3)
    server.ask(SERVICE, "DROP TABLE one_row")
    return commits


def unreached_definition(name):
    """Of systems that nobody connects to, with passwords to be sealed."""
    def side(host):
        return {"type": "postgres", "host": host, "database": "crm", "user": "sync", "password": f"secret of {name}"}
    return {"name": name, "source": side("source.example"), "target": side("target.example"),
            "datasets": [{"source": "public.records", "target": "public.records", "key": ["id"]}]}


def stored_sessions(server):
    return int(server.ask(SERVICE, "SELECT count(*) FROM sessions"))


def latency(bench):
    """Ten records, all of them changed, one session after another on an idle service."""
    ours, local = [], []
    with bench.service("latency") as service:
        service.start_workers(1)
        pair, alike = (Pair(service.folder, name, LATENCY_RECORDS) for name in ("latency", "latency-local"))
        client = service.client()
        sync = client.post("/v1/syncs", pair.definition())["id"]
        client.follow(client.submit(sync), LATENCY_POLL_SECONDS)
        bench.local(alike)
        for turn in range(LATENCY_SESSIONS):
            pair.change_all(turn)
            began = time.perf_counter()
            session = client.follow(client.submit(sync), LATENCY_POLL_SECONDS)
            ours.append(time.perf_counter() - began)
            must_have_written(session, updated=LATENCY_RECORDS)
            pair.must_agree()
            alike.change_all(turn)
            local.append(bench.local(alike))
            alike.must_agree()
    log(f"latency: median {median(ours) * 1000:.0f} ms, from {min(ours) * 1000:.0f} to {max(ours) * 1000:.0f} ms")
    return [Result("ten-record session, submitted to completed", f"{median(ours) * 1000:.0f} ms",
                   f"{median(local) * 1000:.0f} ms (pinksync run)", f"{median(ours) / median(local):.2f} × the time",
                   f"≤ {MOST_LATENCY_SECONDS * 1000:.0f} ms", median(ours) <= MOST_LATENCY_SECONDS)]


def first_load(bench):
    bench.server.make_databases(bench.rows)
    sync = bench.pinksync.sync_between(bench.server)
    ours, local = [], []

    def with_fresh_target(run):
        bench.server.make_table(TARGET, "records")
        bench.server.checkpoint()
        seconds = run()
        bench.server.must_agree(bench.rows, "first load")
        return seconds

    def locally():
        sync.forget()
        return sync.run(created=bench.rows).seconds

    with bench.service("service_first_load") as service:
        service.start_workers(2)
        client = service.client()
        numbers = itertools.count()

        def by_the_service():
            saved = client.post("/v1/syncs", {**sync.definition, "name": f"first-load-{next(numbers)}"})["id"]
            return timed_session(client, saved, bench.rows)

        for turn in range(bench.repeat):
            sides = [(ours, by_the_service), (local, locally)]
            for seconds, run in sides if turn % 2 == 0 else reversed(sides):
                seconds.append(with_fresh_target(run))
                log(f"service first load, {'ours' if seconds is ours else 'local'}: {seconds[-1]:.2f} s")
    sync.forget()
    return [Result.at_least("first load by the service, two workers", ours, local, 0.8, "pinksync run")]


def timed_session(client, sync, rows):
    began = time.perf_counter()
    session = client.follow(client.submit(sync), POLL_SECONDS)
    seconds = time.perf_counter() - began
    must_have_written(session, created=rows)
    return seconds


def must_have_written(session, created=0, updated=0):
    """The session's own numbers are just these."""
    written = session["stats"]["to_target"]
    expected = {"created": created, "updated": updated, "deleted": 0}
    if {name: written[name] for name in expected} != expected:
        raise WrongResult(f"session {session['id']} tells {written}, {expected} expected")


def hundred_sessions(bench):
    """All submitted at once. The reference is the same sessions as local ones, one after another."""
    with bench.service("hundred_sessions") as service:
        service.start_workers(2)
        pairs = [Pair(service.folder, f"many-{number}", MANY_RECORDS) for number in range(MANY_SESSIONS)]
        clients = [service.client() for _ in range(CONNECTIONS)]
        syncs = [clients[0].post("/v1/syncs", pair.definition())["id"] for pair in pairs]
        began = time.perf_counter()
        with ThreadPoolExecutor(CONNECTIONS) as submitters:
            shares = [syncs[at::CONNECTIONS] for at in range(CONNECTIONS)]
            lists = list(submitters.map(lambda client, share: [client.submit(sync) for sync in share], clients, shares))
        submitted = time.perf_counter() - began
        for session in itertools.chain(*lists):
            must_have_written(clients[0].follow(session, POLL_SECONDS), created=MANY_RECORDS)
        seconds = time.perf_counter() - began
        for pair in pairs:
            pair.must_agree()
    log(f"{MANY_SESSIONS} sessions: submitted in {submitted:.2f} s, completed in {seconds:.2f} s")
    local = local_one_by_one(bench, pairs)
    return [Result(f"{MANY_SESSIONS} sessions of {MANY_RECORDS:,} records at once, two workers", f"{seconds:.2f} s",
                   f"{local:.2f} s (pinksync run, one by one)", f"{local / seconds:.2f} × as fast", "all correct", True)]


def local_one_by_one(bench, pairs):
    seconds = 0.0
    for pair in pairs:
        pair.empty_target()
        seconds += bench.local(pair)
        pair.must_agree()
        pair.forget()
    return seconds


def scaling(bench):
    """One session whose target takes its time, shared by more and more workers of one permit each."""
    bench.server.make_databases(SCALING_ROWS)
    sync = bench.pinksync.sync_between(bench.server)
    seconds = {}
    with bench.service("scaling", PINKSYNC_WORKER_PERMITS="1") as service:
        for workers in SCALING_WORKERS:
            bench.server.make_table(TARGET, "records")
            bench.server.ask(TARGET, "DROP FUNCTION IF EXISTS rest CASCADE", SLOW_TARGET)
            bench.server.checkpoint()
            service.start_workers(workers)
            client = service.client()
            definition = {**sync.definition, "name": f"scaling-{workers}", "options": {"batch_size": SCALING_BATCH}}
            saved = client.post("/v1/syncs", definition)["id"]
            seconds[workers] = timed_session(client, saved, SCALING_ROWS)
            service.stop_workers()
            bench.server.must_agree(SCALING_ROWS, "scaling")
            log(f"slow target, {workers} workers: {seconds[workers]:.2f} s")
    one, most = seconds[1], seconds[SCALING_WORKERS[-1]]
    between = ", ".join(f"{workers}: {seconds[workers]:.1f} s" for workers in SCALING_WORKERS[1:-1])
    return [Result(f"slow target, {SCALING_WORKERS[-1]} workers of one permit", f"{most:.2f} s",
                   f"{one:.2f} s (one worker; {between})", f"{one / most:.2f} × as fast", "≥ 6 ×", one / most >= 6)]


ALL = {"submissions": submissions, "latency": latency, "service_first_load": first_load,
       "hundred_sessions": hundred_sessions, "scaling": scaling}


def take(rows, repeat, only, server, broker, pinksync):
    bench = ServiceBench(rows, repeat, server, broker, pinksync)
    return [result for name, measure in ALL.items() if name in (only or ALL) for result in measure(bench)]
