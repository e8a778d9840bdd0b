"""psycopg 3: simple, prepared, binary parameters and results, pipeline mode, COPY both ways, cancel."""
import datetime
import decimal
import hashlib
import json
import os
import threading
import time
import uuid

import psycopg

say = lambda step, value: print(json.dumps([step, value], default=str), flush=True)


def failure(run):
    try:
        run()
    except psycopg.Error as error:
        return [error.sqlstate, str(error)]
    return "none"


conn = psycopg.connect(
    host=os.environ["PGHOST"], port=os.environ["PGPORT"], user=os.environ["PGUSER"],
    dbname=os.environ["PGDATABASE"], sslmode="verify-full", sslrootcert=os.environ["PGSSLROOTCERT"],
    sslcert=os.environ["PGSSLCERT"], sslkey=os.environ["PGSSLKEY"], autocommit=True,
)
say("simple", conn.execute("select 1, 'zwei'").fetchall())
conn.execute("drop table if exists py_t")
conn.execute("create table py_t (id int primary key, name text, n numeric, at timestamptz, u uuid, raw bytea, j jsonb)")
values = (1, "Grüße, 世界", decimal.Decimal("12345678901234.5678"),
          datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, datetime.timezone.utc),
          uuid.UUID("01234567-89ab-cdef-0123-456789abcdef"), b"\x00\x01\xff", psycopg.types.json.Jsonb({"a": [1, None]}))
conn.execute("insert into py_t values (%s, %s, %s, %s, %s, %s, %s)", values)
for binary in (False, True):
    say("types", conn.execute("select * from py_t where id = %b" if binary else "select * from py_t where id = %s",
                              (1,), binary=binary).fetchall())
for i in range(8):
    say("prepared", conn.execute("select %s::int + 1", (i,), prepare=True).fetchone())
say("binary parameters", conn.execute("select %b::int8, %b::float8, %b::text, %b::int4[], %b::bool",
                                      (2**40, 1.5, "text", [1, 2, 3], True)).fetchall())
with conn.pipeline():
    cursors = [conn.execute("select %s::int", (i,)) for i in range(100)]
say("pipeline", [c.fetchone()[0] for c in cursors])


def broken_pipeline():
    with conn.pipeline():
        conn.execute("select 1")
        conn.execute("select 1/0")
        conn.execute("select 2")


say("broken pipeline", failure(broken_pipeline))
for text in ("select 1/0", "selec 1", "select * from no_such_table"):
    say("error", failure(lambda: conn.execute(text)))
say("bad parameter", failure(lambda: conn.execute("select %s::int", ("many",))))


def transaction():
    with conn.transaction():
        conn.execute("insert into py_t (id) values (2)")
        conn.execute("insert into py_t (id) values (2)")


say("transaction", failure(transaction))
say("count", conn.execute("select count(*) from py_t").fetchall())
with conn.transaction(), conn.cursor(name="named") as cursor:
    cursor.execute("select g from generate_series(1, 1000) g")
    cursor.itersize = 100
    say("server cursor", sum(row[0] for row in cursor))
with conn.cursor().copy("copy py_t (id, name) from stdin") as copy:
    for i in range(5000):
        copy.write_row((i + 10, f"name {i}"))
with conn.cursor().copy("copy py_t (id, name) from stdin (format binary)") as copy:
    copy.set_types(["int4", "text"])
    for i in range(5000):
        copy.write_row((i + 10000, f"name {i}"))
digest, size = hashlib.sha256(), 0
with conn.cursor().copy("copy (select * from py_t where id >= 10 order by id) to stdout") as copy:
    for data in copy:
        digest.update(data)
        size += len(data)
say("copy", [size, digest.hexdigest()])


def failing_copy():
    with conn.cursor().copy("copy py_t (id) from stdin") as copy:
        copy.write(b"1\nnot a number\n")


def given_up_copy():
    with conn.cursor().copy("copy py_t (id) from stdin") as copy:
        copy.write(b"70000\n")
        raise psycopg.Error("given up")


say("failing copy", failure(failing_copy))
say("given up copy", failure(given_up_copy)[0])
rows = conn.execute("select repeat('large ', 200000) || g from generate_series(1, 20) g").fetchall()
say("large rows", [len(row[0]) for row in rows])
say("large parameter", conn.execute("select length(%s), md5(%s)", ("p" * 3_000_000, "p" * 3_000_000)).fetchall())


def cancelled():
    threading.Thread(target=lambda: (time.sleep(0.4), conn.cancel_safe())).start()
    conn.execute("select pg_sleep(30)")


say("cancel", failure(cancelled))
say("still usable", conn.execute("select 42").fetchall())
conn.execute("drop table py_t")
conn.close()
