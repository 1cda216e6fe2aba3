"""The measured table and its rows, the same in every run; all of it SQL."""

COLUMNS = [
    ("id", "bigint"),
    ("name", "text"),
    ("email", "text"),
    ("note", "text"),
    ("amount", "numeric(12,2)"),
    ("seen_at", "timestamptz"),
    ("born", "date"),
    ("active", "boolean"),
    ("quantity", "integer"),
    ("token", "uuid"),
]


def create_table(table):
    columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS)
    return f"CREATE TABLE {table} ({columns}, PRIMARY KEY (id))"


def generate(rows):
    """A query for rows 1 to `rows`, about 170 bytes each; one date in eleven is NULL."""
    return f"""
        SELECT g AS id,
               'Customer Nº ' || g AS name,
               'user' || g || '@mail' || g % 97 || '.example' AS email,
               md5('note' || g) || ' ' || substr(md5('more' || g), 1, 8) AS note,
               (g * 7919 % 100000000 / 100.0)::numeric(12,2) AS amount,
               timestamptz '2020-01-01 00:00:00+00' + g * interval '37.000251 seconds' AS seen_at,
               CASE WHEN g % 11 > 0 THEN date '1950-01-01' + (g % 20000)::integer END AS born,
               g % 3 = 0 AS active,
               (g * 31 % 100000)::integer AS quantity,
               md5('token' || g)::uuid AS token
        FROM generate_series(1::bigint, {rows}) AS g"""


def generate_text(rows):
    """The same rows as a text file has them: instants in RFC 3339, truth as a word, NULL as an empty field."""
    return f"""
        SELECT id, name, email, note, amount,
               to_char(seen_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS seen_at,
               born, active::text AS active, quantity, token
        FROM ({generate(rows)}) AS records"""


def change_scattered(rows, turn):
    """An update of 100 rows spread over the whole table, other ones in each turn."""
    step = rows // 100
    return f"""
        UPDATE records SET note = 'changed ' || md5('{turn}' || id), amount = amount + 1
        WHERE id % {step} = {turn * 7919 % step}"""


def change_all(turn):
    return f"UPDATE records SET note = 'turn {turn} ' || md5('{turn}' || id), amount = amount + 1"


def summarise(relation):
    return f"""
        SELECT count(*), coalesce(sum(hashtextextended(r::text, 0)::numeric), 0)
        FROM (SELECT {", ".join(name for name, _ in COLUMNS)} FROM {relation}) AS r"""
