"""Submits the demo's sync to a service that runs, follows its session, and shows its report and how to go on.

usage: up_demo.py URL FOLDER   (FOLDER/api-key, FOLDER/demo; the program in PINKSYNC_BIN makes the demo's data)
"""

import csv
import json
import os
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ANSWER_SECONDS = 30
SESSION_SECONDS = 120
POLL_SECONDS = 0.2
ENDED = ("completed", "failed", "cancelled")

# What people do on both sides before the first session: column, value by the id of a customer.
CRM_EDITS = {"1003": ("phone", "+46 8 5550444"), "1020": ("town", "Augsburg")}
CRM_NEW = ["1027", "Ida Sørensen", "ida.sorensen@example.org", "+45 33 555127", "Odense", "Kim"]
SHOP_NEW = (5008, "Marek Wolski", "marek.wolski@example.net", "+48 12 5550208", "Kraków", 1)
EDITED_AT = "2026-03-12 10:00:00"


class Refused(Exception):
    """What the service answered, or that it did not."""


class Service:
    def __init__(self, url, key):
        self.url, self.token = url, None
        self.token = self.ask("/v1/auth/token", {"api_key": key})["access_token"]

    def open(self, path, body=None, accept="application/json"):
        headers = {"accept": accept, "content-type": "application/json"}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers)
        try:
            return urllib.request.urlopen(request, timeout=ANSWER_SECONDS)
        except urllib.error.HTTPError as error:
            raise Refused(f"{path}: {error.code} {error.read().decode(errors='replace')}") from error
        except OSError as error:
            raise Refused(f"{self.url}{path} does not answer: {error}") from error

    def ask(self, path, body=None):
        with self.open(path, body) as answer:
            return json.load(answer)

    def events(self, session):
        """Kind and data of a session's events, as they come, until the stream ends."""
        kind = "message"
        with self.open(f"/v1/sessions/{session}/events", accept="text/event-stream") as stream:
            for line in stream:
                name, _, value = line.decode().rstrip("\r\n").partition(": ")
                if name == "event":
                    kind = value
                elif name == "data":
                    yield kind, json.loads(value)


def make_data(folder):
    """The demo's two sides, with edits that no session has seen yet."""
    ready = folder / "edited"
    if ready.exists():
        return
    demo = [os.environ["PINKSYNC_BIN"], "--quiet", "demo", "--fresh", str(folder)]
    subprocess.run(demo, check=True, stdout=subprocess.DEVNULL)
    export = folder / "crm" / "customers.csv"
    with export.open(newline="") as file:
        columns, *customers = csv.reader(file)
    for customer in customers:
        if customer[0] in CRM_EDITS:
            column, value = CRM_EDITS[customer[0]]
            customer[columns.index(column)], customer[-1] = value, EDITED_AT
    with export.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([columns, *customers, [*CRM_NEW, EDITED_AT]])
    with sqlite3.connect(folder / "shop.db") as shop:
        insert = "INSERT INTO customers (id, name, email, phone, city, cart_items, updated_at) VALUES (?,?,?,?,?,?,?)"
        shop.execute(insert, (*SHOP_NEW, EDITED_AT))
    ready.touch()


def definition(folder):
    """The demo's sync file, as REST takes it."""
    return {
        "direction": "two_way",
        "strategy": "newest_wins",
        "source": {"type": "csv", "path": str(folder / "crm")},
        "target": {"type": "sqlite", "path": str(folder / "shop.db")},
        "datasets": [
            {
                "source": "customers.csv",
                "target": "customers",
                "key": ["id"],
                "modified_at": "updated_at",
                "fields": {"town": "city"},
                "exclude": ["sales_rep", "cart_items"],
                "types": {"updated_at": "timestamp"},
            }
        ],
        "guards": {"max_delete_percent": 50},
    }


def follow(service, session):
    """The session at its end. Its events are shown as they come; where they do not, it is asked for."""
    until = time.monotonic() + SESSION_SECONDS
    try:
        for kind, data in service.events(session):
            told = (f"{name}={value}" for name, value in data.items() if name != "at" and value not in (None, ""))
            print(f"  {data.get('at', '')[11:19]}  {kind:9}", *told, flush=True)
            if data.get("status") in ENDED or time.monotonic() > until:
                break
    except (Refused, OSError):
        print("  its events cannot be followed, so it is asked for")
    while time.monotonic() < until:
        found = service.ask(f"/v1/sessions/{session}")
        if found["status"] in (*ENDED, "paused"):
            return found
        time.sleep(POLL_SECONDS)
    raise Refused(f"session {session} has not ended after {SESSION_SECONDS} s")


def show(report):
    """The report as a table."""
    rows = [["", "created", "updated", "deleted", "unchanged", "conflicts open", "rejected"]]
    for dataset in report["datasets"]:
        for side in ("target", "source"):
            written = dataset[f"to_{side}"]
            row = [f"to {dataset[side]}", written["created"], written["updated"], written["deleted"]]
            whole = [dataset["unchanged"] + dataset["adopted"], dataset["conflicts"]["open"], dataset["rejected"]]
            rows.append(row + (whole if side == "target" else ["", "", ""]))
    widths = [max(len(str(row[at])) for row in rows) for at in range(len(rows[0]))]
    for first, *others in rows:
        cells = (f"{cell:>{width}}" for cell, width in zip(others, widths[1:]))
        print("  " + "  ".join([f"{first:<{widths[0]}}", *cells]).rstrip())
    for warning in report["warnings"]:
        print(f"  warning: {warning}")


def go_on(url, key_file, session):
    print(f"""
To go on (a token lives 15 minutes):
  api={url}/v1
  token=$(curl -s $api/auth/token --json '{{"api_key": "'"$(cat {key_file})"'"}}' | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')
  auth="authorization: Bearer $token"
  curl -s -H "$auth" "$api/sessions?limit=5"                          # sessions, the newest first
  curl -s -H "$auth" $api/sessions/{session}/report
  curl -s -H "$auth" "$api/conflicts?status=open"                     # what waits for a person
  curl -s -H "$auth" $api/conflicts/ID/resolve --json '{{"choice": "target"}}'
  curl -s -H "$auth" $api/sessions/{session}/undo -X POST
Edit {key_file.parent}/demo/crm/customers.csv, and ./dev up again synchronises it.""")


def main(url, folder):
    folder, key_file = Path(folder), Path(folder) / "api-key"
    make_data(folder / "demo")
    service = Service(url, key_file.read_text().strip())
    session = service.ask("/v1/sessions", {"definition": definition(folder / "demo")})["id"]
    print(f"Session {session} of the demo's sync, a CRM's CSV export and a shop's database:")
    ended = follow(service, session)
    print(f"It is {ended['status']}.\n")
    if ended["status"] != "completed":
        raise Refused(f"why: {ended['reason']}")
    show(service.ask(f"/v1/sessions/{session}/report"))
    go_on(url, key_file, session)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (Refused, subprocess.CalledProcessError, OSError) as error:
        sys.exit(f"dev: {error}")
