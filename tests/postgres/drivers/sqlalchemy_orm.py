"""SQLAlchemy 2, over psycopg 3 and over asyncpg: reflection, ORM, bulk inserts, streams, savepoints."""
import asyncio
import datetime
import decimal
import hashlib
import json
import os
import ssl
import sys
import uuid
from typing import Optional

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, selectinload

say = lambda step, value: print(json.dumps([step, value], default=str), flush=True)
env = os.environ
prefix = "alchemy_" + sys.argv[1]


class Base(DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = f"{prefix}_author"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(sa.String(80), unique=True)
    born: Mapped[Optional[datetime.date]]
    settings: Mapped[Optional[dict]] = mapped_column(postgresql.JSONB)
    books: Mapped[list["Book"]] = relationship(back_populates="author", order_by="Book.id")


class Book(Base):
    __tablename__ = f"{prefix}_book"
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    title: Mapped[str]
    price: Mapped[decimal.Decimal] = mapped_column(sa.Numeric(12, 4))
    tags: Mapped[list[str]] = mapped_column(postgresql.ARRAY(sa.Text))
    raw: Mapped[Optional[bytes]]
    at: Mapped[datetime.datetime] = mapped_column(sa.DateTime(timezone=True))
    author_id: Mapped[int] = mapped_column(sa.ForeignKey(f"{prefix}_author.id"))
    author: Mapped[Author] = relationship(back_populates="books")


def failure(run):
    try:
        run()
    except sa.exc.DBAPIError as error:
        return [type(error).__name__, getattr(error.orig, "sqlstate", None)]
    return "none"


def work(session: Session):
    connection = session.connection()
    Base.metadata.drop_all(connection)
    Base.metadata.create_all(connection)
    inspector = sa.inspect(connection)
    for table in (f"{prefix}_author", f"{prefix}_book"):
        say("columns", [[c["name"], str(c["type"]), c["nullable"]] for c in inspector.get_columns(table)])
        say("keys", [inspector.get_pk_constraint(table)["constrained_columns"],
                     [k["referred_table"] for k in inspector.get_foreign_keys(table)]])
    session.commit()
    at = datetime.datetime(2026, 1, 2, 3, 4, 5, 678901, datetime.timezone.utc)
    for i in range(3):
        session.add(Author(id=i + 1, name=f"Grüße {i}", born=datetime.date(1900 + i, 1, 1), settings={"a": [i, None]}, books=[
            Book(id=uuid.UUID(int=i * 10 + j), title=f"Buch {j}", price=decimal.Decimal("12.3456") * j,
                 tags=["x", f"y{j}"], raw=bytes([0, j, 255]), at=at) for j in range(3)]))
    session.commit()
    authors = session.scalars(sa.select(Author).options(selectinload(Author.books)).order_by(Author.id)).all()
    say("orm", [[a.name, a.born, a.settings, [[b.id, b.title, b.price, b.tags, b.raw.hex(), b.at.astimezone(datetime.timezone.utc)]
                                              for b in a.books]] for a in authors])
    authors[0].name = "renamed"
    session.flush()
    say("grouped", [list(row) for row in session.execute(
        sa.select(Author.name, sa.func.sum(Book.price)).join(Book.author).group_by(Author.name).order_by(Author.name))])
    session.rollback()
    say("rolled back", session.scalar(sa.select(Author.name).where(Author.id == 1)))
    with session.begin_nested() as inner:
        session.execute(sa.insert(Author), [{"id": 100 + i, "name": f"many {i}"} for i in range(2000)])
        inner.rollback()
    say("savepoint", session.scalar(sa.select(sa.func.count()).select_from(Author)))
    session.execute(sa.insert(Author), [{"id": 100 + i, "name": f"many {i}"} for i in range(2000)])
    session.commit()
    say("returning", [row[0] for row in session.execute(
        sa.update(Author).where(Author.id < 4).values(born=None).returning(Author.id).execution_options(synchronize_session=False))])
    upsert = postgresql.insert(Author).values(id=1, name="anew")
    session.execute(upsert.on_conflict_do_update(index_elements=["id"], set_={"name": upsert.excluded.name}))
    session.commit()
    for text in ("select 1 / 0", "selec 1", "select * from no_such_table"):
        say("error", failure(lambda: session.execute(sa.text(text))))
        session.rollback()
    say("duplicate", failure(lambda: session.execute(sa.insert(Author).values(id=1, name="again"))))
    session.rollback()
    rows = session.execute(sa.text("select repeat('large ', 200000) || g from generate_series(1, 10) g")).scalars().all()
    say("large rows", [len(rows), hashlib.sha256("".join(rows).encode()).hexdigest()])
    session.commit()


def with_psycopg():
    engine = sa.create_engine("postgresql+psycopg://", connect_args=dict(
        host=env["PGHOST"], port=env["PGPORT"], user=env["PGUSER"], dbname=env["PGDATABASE"],
        sslmode="verify-full", sslrootcert=env["PGSSLROOTCERT"], sslcert=env["PGSSLCERT"], sslkey=env["PGSSLKEY"]))
    with Session(engine) as session:
        work(session)
        streamed = session.execute(sa.select(Author.id).order_by(Author.id).execution_options(yield_per=100))
        say("streamed", [len(part) for part in streamed.partitions()])
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        say("autocommit", connection.exec_driver_sql("select count(*) from " + Book.__tablename__).scalar())
        connection.exec_driver_sql("vacuum " + Book.__tablename__)
    Base.metadata.drop_all(engine)
    engine.dispose()


async def with_asyncpg():
    context = ssl.create_default_context(cafile=env["PGSSLROOTCERT"])
    context.load_cert_chain(env["PGSSLCERT"], env["PGSSLKEY"])
    engine = create_async_engine(
        f"postgresql+asyncpg://{env['PGUSER']}@{env['PGHOST']}:{env['PGPORT']}/{env['PGDATABASE']}",
        connect_args={"ssl": context})
    async with engine.connect() as connection:
        await connection.run_sync(lambda sync: work(Session(sync)))
        streamed = await connection.stream(sa.select(Author.id).order_by(Author.id).execution_options(yield_per=100))
        say("streamed", [len(part) async for part in streamed.partitions()])
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.drop_all)
    await engine.dispose()


if sys.argv[1] == "asyncpg":
    asyncio.run(with_asyncpg())
else:
    with_psycopg()
