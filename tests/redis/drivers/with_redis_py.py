"""The common script by redis-py: RESP2, then RESP3 with client tracking."""
import hashlib
import os
import sys
import threading
import time

import redis

PREFIX = "py"
MIB = 1024 * 1024


def connect(**more):
    return redis.Redis(
        host=os.environ["REDIS_HOST"],
        port=int(os.environ["REDIS_PORT"]),
        username=os.environ.get("REDIS_USER"),
        password=os.environ.get("REDIS_PASSWORD"),
        ssl=True,
        ssl_ca_certs=os.environ["REDIS_CA"],
        ssl_certfile=os.environ["REDIS_CERT"],
        ssl_keyfile=os.environ["REDIS_KEY"],
        single_connection_client=True,
        **more,
    )


def say(what, value):
    print(f"{what}: {value!r}", flush=True)


def key(name):
    return f"{PREFIX}:{name}"


def plain(r):
    say("whoami", r.acl_whoami())
    for name in r.scan_iter(match=key("*"), count=1000):
        r.delete(name)
    say("set", r.set(key("bytes"), bytes(range(256))))
    say("get", r.get(key("bytes")))
    say("nothing", r.get(key("nothing")))
    say("hash", r.hset(key("h"), mapping={"a": 1, "b": "x"}))
    say("hgetall", sorted(r.hgetall(key("h")).items()))
    say("set members", (r.sadd(key("s"), "x", "y"), sorted(r.smembers(key("s")))))
    say("sorted", (r.zadd(key("z"), {"m": 1.5, "n": 2}), r.zrange(key("z"), 0, -1, withscores=True)))
    say("score", r.zscore(key("z"), "m"))
    say("member", r.sismember(key("s"), "x"))
    try:
        r.lpush(key("h"), 1)
    except redis.ResponseError as error:
        say("error", str(error))


def transactions(r, other):
    with r.pipeline(transaction=True) as p:
        p.incr(key("n")).incr(key("n")).lpush(key("h"), 1)
        say("multi", [str(x) for x in p.execute(raise_on_error=False)])
    with r.pipeline() as p:
        p.watch(key("n"))
        other.set(key("n"), 100)
        p.multi()
        p.incr(key("n"))
        try:
            say("watch", p.execute())
        except redis.WatchError:
            say("watch", "changed")


def publishing(r, other):
    p = r.pubsub()
    p.subscribe(key("news"), key("more"))
    p.psubscribe(key("pattern.*"))
    for _ in range(3):
        say("subscribed", p.get_message(timeout=5))
    say("publish", (other.publish(key("news"), "hello"), other.publish(key("pattern.x"), b"\x00")))
    for _ in range(2):
        say("message", p.get_message(timeout=5))
    p.unsubscribe()
    p.punsubscribe()
    for _ in range(3):
        message = p.get_message(timeout=5)
        say("unsubscribed", (message["type"], message["data"]))
    p.close()


def blocking(r, other):
    def later():
        time.sleep(0.2)
        other.rpush(key("queue"), "job")
    thread = threading.Thread(target=later)
    thread.start()
    say("blpop", r.blpop(key("queue"), timeout=10))
    thread.join()
    say("blpop timeout", r.blpop(key("queue"), timeout=1))
    say("bzpopmin", (r.zadd(key("bz"), {"a": 1}), r.bzpopmin(key("bz"), timeout=1)))


def streams(r):
    name = key("stream")
    say("xadd", [r.xadd(name, {"f": i}, id=f"{i}-1") for i in range(1, 4)])
    say("group", r.xgroup_create(name, "g", id="0"))
    say("xreadgroup", r.xreadgroup("g", "c", {name: ">"}, count=2))
    say("xack", r.xack(name, "g", "1-1"))
    say("pending", r.xpending(name, "g"))
    say("xread", r.xread({name: "2-1"}, block=100))
    say("xread blocked", r.xread({name: "$"}, block=100))
    say("xrange", r.xrange(name))


def scripts(r):
    text = "return {KEYS[1], ARGV[1], redis.call('incr', KEYS[1])}"
    say("eval", r.eval(text, 1, key("counter"), "x"))
    say("evalsha", r.evalsha(r.script_load(text), 1, key("counter"), "y"))
    code = f"#!lua name={PREFIX}lib\nredis.register_function('{PREFIX}f', function(k, a) return a[1] end)"
    say("function", r.function_load(code, replace=True))
    say("fcall", r.fcall(f"{PREFIX}f", 1, key("x"), "arg"))


def large(r):
    with r.pipeline(transaction=False) as p:
        for i in range(10_000):
            p.set(key(f"p{i}"), i)
        say("pipeline", set(p.execute()))
    with r.pipeline(transaction=False) as p:
        for i in range(10_000):
            p.get(key(f"p{i}"))
        say("pipeline sum", sum(int(x) for x in p.execute()))
    value = bytes(i * 31 % 251 for i in range(251)) * (64 * MIB // 251)
    say("set large", r.set(key("large"), value))
    got = r.get(key("large"))
    say("large", (len(got), hashlib.sha256(got).hexdigest(), got == value))
    r.delete(key("large"))


def tracked(r, other):
    heard = []
    r.connection._parser.set_invalidation_push_handler(heard.append)
    say("tracking", r.execute_command("CLIENT", "TRACKING", "ON"))
    r.set(key("tracked"), "old")
    say("get", r.get(key("tracked")))
    other.set(key("tracked"), "new")
    time.sleep(0.2)
    say("ping", r.ping())
    say("invalidated", heard)


for protocol in (2, 3):
    say("protocol", protocol)
    main, second = connect(protocol=protocol), connect(protocol=protocol)
    plain(main)
    transactions(main, second)
    publishing(main, second)
    blocking(main, second)
    streams(main)
    scripts(main)
    large(main)
    say("quit", main.quit())
tracked(connect(protocol=3), connect())
sys.exit(0)
