"""asyncpg: binary everywhere, prepared statements, cursors, COPY of records, cancel by timeout."""
import asyncio
import datetime
import decimal
import hashlib
import json
import os
import ssl
import uuid

import asyncpg

say = lambda step, value: print(json.dumps([step, value], default=str), flush=True)


async def failure(work):
    try:
        await work
    except asyncpg.PostgresError as error:
        return [error.sqlstate, str(error)]
    except asyncio.TimeoutError:
        return "timeout"
    return "none"


async def main():
    context = ssl.create_default_context(cafile=os.environ["PGSSLROOTCERT"])
    context.load_cert_chain(os.environ["PGSSLCERT"], os.environ["PGSSLKEY"])
    conn = await asyncpg.connect(
        host=os.environ["PGHOST"], port=int(os.environ["PGPORT"]), user=os.environ["PGUSER"],
        database=os.environ["PGDATABASE"], ssl=context,
    )
    say("simple", await conn.execute("select 1; select 2"))
    await conn.execute("drop table if exists async_t")
    await conn.execute("create table async_t (id int primary key, name text, n numeric, at timestamptz, u uuid, raw bytea, a int[], d date)")
    values = (1, "Grüße, 世界", decimal.Decimal("-0.000123"),
              datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, datetime.timezone.utc),
              uuid.UUID("01234567-89ab-cdef-0123-456789abcdef"), b"\x00\x01\xff", [1, None, 3], datetime.date(1999, 12, 31))
    await conn.execute("insert into async_t values ($1, $2, $3, $4, $5, $6, $7, $8)", *values)
    say("types", [list(row.values()) for row in await conn.fetch("select * from async_t where id = $1", 1)])
    statement = await conn.prepare("select $1::int8 + $2::int8")
    say("prepared", [await statement.fetchval(i, 2**40) for i in range(5)])
    await conn.executemany("insert into async_t (id, name) values ($1, $2)", [(i, f"many {i}") for i in range(2, 502)])
    say("many", await conn.fetchval("select count(*) from async_t"))
    for text in ("select 1/0", "selec 1", "select * from no_such_table"):
        say("error", await failure(conn.fetch(text)))
        say("simple error", await failure(conn.execute(text)))
    async with conn.transaction():
        cursor = await conn.cursor("select g from generate_series(1, 25) g")
        say("cursor", [len(await cursor.fetch(10)) for _ in range(3)])
        say("iterated", [row[0] async for row in conn.cursor("select g from generate_series(1, 120) g", prefetch=50)][-1])
    transaction = conn.transaction()
    await transaction.start()
    await conn.execute("delete from async_t")
    say("fails", await failure(conn.execute("insert into async_t values ('x')")))
    say("aborted", await failure(conn.fetch("select 1")))
    await transaction.rollback()
    records = [(i, f"copied {i}") for i in range(1000, 6000)]
    say("copy in", await conn.copy_records_to_table("async_t", records=records, columns=["id", "name"]))
    digest, size = hashlib.sha256(), 0

    async def take(data):
        nonlocal size
        digest.update(data)
        size += len(data)

    say("copy out", await conn.copy_from_query("select * from async_t order by id", output=take, format="csv"))
    say("copied", [size, digest.hexdigest()])
    rows = await conn.fetch("select repeat('large ', 200000) || g as t from generate_series(1, 20) g")
    say("large rows", [len(row["t"]) for row in rows])
    say("cancel", await failure(conn.fetch("select pg_sleep(30)", timeout=0.5)))
    say("still usable", await conn.fetchval("select 42"))
    await conn.execute("drop table async_t")
    await conn.close()


asyncio.run(main())
