"""MySQL Connector/Python: prepared cursors, types, several results, LOCAL INFILE; twice, in C too."""
import hashlib, json, os
import mysql.connector

way = json.loads(os.environ["MYSQL_WAY"])
ssl = {"ssl_disabled": True} if way["ca"] == "" else {
    "ssl_ca": way["ca"], "ssl_cert": way["cert"], "ssl_key": way["key"],
    "ssl_verify_cert": True, "ssl_verify_identity": True}


def show(name, value):
    print(name, repr(value))


def short(value):
    if isinstance(value, set):
        return sorted(value)
    big = isinstance(value, (bytes, bytearray)) and len(value) > 1000
    return hashlib.md5(value).hexdigest() if big else value


def script(pure):
    db = mysql.connector.connect(
        host=way["host"], port=way["port"], user=way["user"], database=way["database"],
        use_pure=pure, allow_local_infile=True, charset="utf8mb4", collation="utf8mb4_general_ci",
        **ssl)
    cur = db.cursor()
    cur.execute("set session sql_mode = ''")
    cur.execute("drop table if exists mc_types, mc_lines")
    cur.execute("""create table mc_types (id int primary key, t tinyint, bu bigint unsigned,
      d decimal(30,10), dd double, v varchar(200), bl longblob, dt date, dtm datetime(6),
      tm time(3), y year, e enum('a','b'), st set('x','y','z'), bt bit(12), j json)""")
    prepared = db.cursor(prepared=True)
    insert = "insert into mc_types values (" + ", ".join(["?"] * 15) + ")"
    prepared.execute(insert, (1, -128, "18446744073709551615", "-1234567890.0123456789", 1e300,
                     "é ☃ '\"\\", b"\x00\xff\x10", "2024-02-29", "2024-02-29 23:59:59.999999",
                     "10:11:12", 2024, "b", "x,z", 0xAAA, '{"a": [1, null]}'))
    prepared.execute(insert, (2,) + (None,) * 14)
    show("inserted", prepared.rowcount)
    blob = db.cursor(prepared=True)
    blob.execute("insert into mc_types (id, bl) values (?, ?)", (3, b"Z" * (int(os.environ["MYSQL_BLOB_MIB"]) << 20)))
    # Its own reader of binary rows knows neither years nor sets.
    plain = "id, t, bu, d, dd, v, bl, dt, dtm"
    for one, names in ((cur, "*"), (db.cursor(prepared=True), plain)):
        one.execute(f"select {names} from mc_types order by id")
        for row in one.fetchall():
            show("row", [short(value) for value in row])
    for text in ["select * from no_such_table", "selec 1", "insert into mc_types (id) values (1)"]:
        for one in (db.cursor(), db.cursor(prepared=True)):
            try:
                one.execute(text)
            except mysql.connector.Error as error:
                show("error", (error.errno, error.sqlstate, error.msg))
    db.commit()
    db.start_transaction()
    cur.execute("delete from mc_types")
    db.rollback()
    cur.execute("select count(*) from mc_types")
    show("kept", cur.fetchall())
    cur.execute("drop procedure if exists mc_proc")
    cur.execute("create procedure mc_proc(in n int, inout m int) "
                "begin select n; select n, m; set m = n + m; end")
    show("call", cur.callproc("mc_proc", (5, 6)))
    show("results", [result.fetchall() for result in cur.stored_results()])
    lines = os.path.join(os.environ["MYSQL_FOLDER"], "lines.txt")
    cur.execute("create table mc_lines (id int, words varchar(50))")
    cur.execute(f"load data local infile '{lines}' into table mc_lines fields terminated by ','")
    show("loaded", cur.rowcount)
    cur.execute("select * from mc_lines order by id")
    show("lines", cur.fetchall())
    db.cmd_init_db("information_schema")
    cur.execute("select database()")
    show("schema", cur.fetchall())
    db.cmd_init_db(way["database"])
    cur.execute("drop table mc_types, mc_lines")
    cur.execute("drop procedure mc_proc")
    db.ping()
    db.cmd_reset_connection()
    db.close()


script(True)
if mysql.connector.HAVE_CEXT:
    script(False)
print("done")
