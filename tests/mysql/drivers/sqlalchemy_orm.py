"""SQLAlchemy's ORM over PyMySQL: a pool, relations, transactions, bulk, streams."""
import json, os
from sqlalchemy import ForeignKey, String, create_engine, func, select, text
from sqlalchemy.engine import URL
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

way = json.loads(os.environ["MYSQL_WAY"])
ssl = {} if way["ca"] == "" else {
    "ssl_ca": way["ca"], "ssl_cert": way["cert"], "ssl_key": way["key"]}
url = URL.create("mysql+pymysql", username=way["user"], host=way["host"], port=way["port"],
                 database=way["database"])
engine = create_engine(url, connect_args=ssl, pool_size=3, pool_pre_ping=True)


class Base(DeclarativeBase):
    pass


class Person(Base):
    __tablename__ = "sa_people"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(50), unique=True)
    orders: Mapped[list["Order"]] = relationship(back_populates="person")


class Order(Base):
    __tablename__ = "sa_orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    cents: Mapped[int]
    person_id: Mapped[int] = mapped_column(ForeignKey("sa_people.id"))
    person: Mapped[Person] = relationship(back_populates="orders")


Base.metadata.drop_all(engine)
Base.metadata.create_all(engine)
with Session(engine) as session:
    session.add_all([Person(name=f"person {n}", orders=[Order(cents=n * 100), Order(cents=n)])
                     for n in range(50)])
    session.commit()
with Session(engine) as session:
    query = select(Person.name, func.sum(Order.cents)).join(Order).group_by(Person.name)
    print("sums", session.execute(query.order_by(Person.name)).all())
    session.add(Person(name="person 1"))
    try:
        session.flush()
    except Exception as error:
        print("error", error.orig.args)
        session.rollback()
    session.query(Order).filter(Order.cents > 1000).delete()
    session.rollback()
    print("kept", session.query(Order).count())
with engine.connect() as first, engine.connect() as second:
    print("two", first.execute(text("select 1")).scalar(), second.execute(text("select 2")).scalar())
    stream = first.execution_options(stream_results=True).execute(select(Order.id))
    print("streamed", sum(1 for _ in stream))
Base.metadata.drop_all(engine)
engine.dispose()
print("done")
