"""What a session may not ask, and connections killed by their numbers; one line for each outcome."""
import json, os, struct, sys
import mysql.connector
import pymysql


def connect(way):
    return pymysql.connect(
        host=way["host"], port=way["port"], user=way["user"], database=way["database"],
        ssl_ca=way["ca"], ssl_cert=way["cert"], ssl_key=way["key"], ssl_verify_cert=True,
        ssl_verify_identity=True, read_timeout=20)


def connect_other(way, pure):
    return mysql.connector.connect(
        host=way["host"], port=way["port"], user=way["user"], database=way["database"],
        use_pure=pure, charset="utf8mb4", collation="utf8mb4_general_ci", ssl_ca=way["ca"], ssl_cert=way["cert"], ssl_key=way["key"],
        ssl_verify_cert=True, ssl_verify_identity=True)


def outcome(name, run):
    try:
        print(name, run())
    except pymysql.MySQLError as error:
        print(name, "error", *error.args)
    except mysql.connector.Error as error:
        print(name, "error", error.errno, error.sqlstate, error.msg)


def asked(db, text):
    with db.cursor() as cursor:
        cursor.execute(text)
        return list(cursor.fetchall())


def command(db, code, body):
    db._execute_command(code, body)
    return db._read_ok_packet().affected_rows


def kill(db, number):
    return command(db, 0x0c, struct.pack("<I", number))


def alive(db):
    outcome("then", lambda: asked(db, "select 'still here'"))


def refused(way):
    for pure in (True, False):
        db = connect_other(way, pure)
        outcome("change", lambda: db.cmd_change_user("bob", "", "shop"))
        alive(db)
        db.close()
    db = connect(way)
    server = struct.pack("<IBBBHII", 77, 0, 0, 0, 3306, 0, 0)
    for code, body in ((0x12, struct.pack("<IHI", 4, 1, 77)), (0x13, b"\4shop\1t"), (0x15, server),
                       (0x1e, struct.pack("<HII", 1, 77, 0)), (0x20, b"\1")):
        outcome(hex(code), lambda: command(db, code, body))
    alive(db)
    db.close()


def killed(way, other):
    one, two, of_other = connect(way), connect(way), connect(other)
    number, real = one.thread_id(), asked(two, "select connection_id()")[0][0]
    print("number", number)
    outcome("by command from another database", lambda: kill(of_other, number))
    outcome("by text from another database", lambda: asked(of_other, f"kill {number}"))
    outcome("a number that nobody has", lambda: asked(of_other, "KILL QUERY 1073741824"))
    alive(one)
    alive(of_other)
    outcome("by text", lambda: asked(two, f"kill {number}"))
    outcome("killed", lambda: asked(one, "select 'still here'"))
    one = connect(way)
    outcome("by command", lambda: kill(two, one.thread_id()))
    outcome("killed", lambda: asked(one, "select 'still here'"))
    outcome("by the server's number", lambda: asked(of_other, f"kill {real}"))
    outcome("killed", lambda: asked(two, "select 'still here'"))
    alive(of_other)


ways = json.loads(os.environ["MYSQL_WAYS"])
{"refused": refused, "killed": killed}[sys.argv[1]](*ways)
