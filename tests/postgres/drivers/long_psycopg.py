"""psycopg 3: statements of the sizes that are given, in MiB; of the first one in every way."""
import json
import os
import sys

import psycopg

say = lambda step, value: print(json.dumps([step, value], default=str), flush=True)


def failure(run):
    try:
        run()
    except psycopg.Error as error:
        return [error.sqlstate, str(error)[:200]]
    return "none"


def filler(mib):
    """Text for a literal: doubled quotes, characters of every length, what looks like comments."""
    unit = "%07d it''s Grüße 世界 𝄞 -- $a$ /* \"x\" "
    one = len((unit % 0).encode())
    return "".join(unit % at for at in range(mib * 1048576 // one + 1))


conn = psycopg.connect(
    host=os.environ["PGHOST"], port=os.environ["PGPORT"], user=os.environ["PGUSER"],
    dbname=os.environ["PGDATABASE"], sslmode="verify-full", sslrootcert=os.environ["PGSSLROOTCERT"],
    sslcert=os.environ["PGSSLCERT"], sslkey=os.environ["PGSSLKEY"], autocommit=True,
)
conn.execute("create temp table long_py (n int, t text)")
simple = psycopg.ClientCursor(conn)
for number, mib in enumerate(map(int, sys.argv[1:])):
    text = filler(mib)
    say("simple", simple.execute(f"select length('{text}')").fetchall())
    for at in range(3):
        say("prepared", conn.execute(f"select %s::int + length('{text}')", (at,), prepare=True).fetchall())
    if number > 0:
        continue
    several = simple.execute(f"insert into long_py values ({mib}, '{text}'); select 1; select 'last'")
    while several.nextset():
        say("several", several.fetchall())
    say("inserted", conn.execute("select md5(t) from long_py where n = %s", (mib,)).fetchall())
    with conn.pipeline():
        found = [conn.execute(f"select %s::text, md5('{text}')", (str(at),)) for at in range(3)]
        say("pipeline", [one.fetchall() for one in found])
    say("syntax", failure(lambda: conn.execute(f"select '{text}' from where")))
    say("division", failure(lambda: simple.execute(f"select 1/0, '{text}'")))
    say("unprepared", failure(lambda: conn.execute(f"select %s::int, '{text}' from nowhere", (1,), prepare=True)))
    say("after", conn.execute("select 'well'").fetchall())
conn.close()
