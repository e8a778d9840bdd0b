"""redis-py: RESP3 or RESP2, pipelines, MULTI and WATCH, pub/sub, blocking pop, streams, scripts, functions, tracking."""
import hashlib
import json
import os
import threading
import time

import redis
from redis.cluster import RedisCluster

env = os.environ
clustered = env["REDIS_CLUSTER"] == "1"
t = "{redispy}" if clustered else "redispy"


def plain(value):
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, (set, frozenset)):
        return sorted(plain(one) for one in value)
    if isinstance(value, dict):
        return {str(plain(key)): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, Exception):
        return f"{type(value).__name__}: {value}"
    return value


def say(step, value):
    print(json.dumps([step, plain(value)], default=str), flush=True)


def failure(run):
    try:
        run()
    except redis.RedisError as error:
        return error
    return "none"


def connect(protocol=int(env["REDIS_PROTOCOL"] or 3), **more):
    settings = dict(
        host=env["REDIS_HOST"], port=int(env["REDIS_PORT"]), protocol=protocol,
        username=env["REDIS_USER"] or None, password=env["REDIS_PASSWORD"] or None,
        ssl=True, ssl_ca_certs=env["REDIS_CA"], ssl_certfile=env["REDIS_CERT"], ssl_keyfile=env["REDIS_KEY"],
        socket_timeout=60, **more,
    )
    return RedisCluster(**settings) if clustered else redis.Redis(**settings)


client = connect()
keys = ["a", "raw", "n", "l", "h", "s", "z", "t1", "w", "q", "x", "lua"]
for key in keys:
    client.delete(f"{t}:{key}")
say("ping", client.ping())
if not clustered:
    say("whoami", client.acl_whoami())
say("set", [client.set(f"{t}:a", "Grüße, 世界"), client.get(f"{t}:a")])
every = bytes(range(256))
client.set(f"{t}:raw", every)
say("binary", client.get(f"{t}:raw") == every)
say("missing", client.get(f"{t}:none"))
say("empty", [client.set(f"{t}:raw", b""), client.get(f"{t}:raw")])
say("counter", [client.incr(f"{t}:n"), client.incrby(f"{t}:n", 2**62), failure(lambda: client.incrby(f"{t}:n", 2**62))])
say("list", [client.rpush(f"{t}:l", *map(str, range(10))), client.lrange(f"{t}:l", 2, 5), client.lpop(f"{t}:l", 3)])
say("hash", [client.hset(f"{t}:h", mapping={"one": 1, "two": 2}), client.hgetall(f"{t}:h")])
say("set type", [client.sadd(f"{t}:s", "b", "a"), client.smembers(f"{t}:s")])
say("sorted set", [client.zadd(f"{t}:z", {"one": 1, "half": 0.5}), client.zrange(f"{t}:z", 0, -1, withscores=True)])
say("score", [client.zscore(f"{t}:z", "half"), client.sismember(f"{t}:s", "a"), client.sismember(f"{t}:s", "none")])
say("wrong type", failure(lambda: client.lpush(f"{t}:a", "x")))
say("unknown", failure(lambda: client.execute_command("NOSUCH", f"{t}:a")))
for expression in ["{map={a=1}}", "{set={a=true}}", "{double=0.5}", "true", "{big_number='12345678901234567890'}"]:
    say("RESP3 " + expression, client.eval("redis.setresp(3); return " + expression, 1, f"{t}:k"))

if not clustered:
    old = connect(protocol=2)
    say("RESP2", [old.hgetall(f"{t}:h"), old.zrange(f"{t}:z", 0, -1, withscores=True), old.get(f"{t}:none")])
    many = {f"{t}:m{i}": f"v{i}" for i in range(40)}
    say("mset", client.mset(many))
    say("mget", client.mget([*many, f"{t}:none"]))
    say("exists", client.exists(*many))
    say("scan", sorted(set(client.scan_iter(match=f"{t}:*", count=7))))
    say("delete", client.delete(*many))

pipe = client.pipeline(transaction=True)
say("multi", pipe.set(f"{t}:t1", "1").incr(f"{t}:t1").get(f"{t}:t1").execute())
say("multi with an error", client.pipeline(transaction=True).set(f"{t}:t1", "1").lpush(f"{t}:t1", "x").execute(raise_on_error=False))
if not clustered:
    other = connect()
    with client.pipeline() as pipe:
        pipe.watch(f"{t}:w")
        other.set(f"{t}:w", "from outside")
        pipe.multi()
        pipe.set(f"{t}:w", "mine")
        say("watch lost", failure(pipe.execute))
    with client.pipeline() as pipe:
        pipe.watch(f"{t}:w")
        value = pipe.get(f"{t}:w")
        pipe.multi()
        pipe.set(f"{t}:w", value + b", and mine")
        pipe.get(f"{t}:w")
        say("watch won", pipe.execute())

    pubsub = client.pubsub()
    pubsub.subscribe("redispy:news", "redispy:more")
    pubsub.psubscribe("redispy:n*")
    heard = []

    def listen(enough):
        until = time.time() + 5
        while time.time() < until and len(heard) < enough:
            message = pubsub.get_message(timeout=0.2)
            if message is not None:
                heard.append([message["type"], message["pattern"], message["channel"], message["data"]])

    listen(3)
    say("subscribed", heard)
    heard.clear()
    client.publish("redispy:news", "hello")
    client.publish("redispy:more", "Grüße")
    listen(3)
    say("heard", sorted(json.dumps(plain(one)) for one in heard))
    heard.clear()
    pubsub.unsubscribe("redispy:news", "redispy:more")
    pubsub.punsubscribe("redispy:n*")
    listen(3)
    say("unsubscribed", heard)
    pubsub.close()

    # Of a cache RESP3 alone can be told on the same connection.
    cache, told = connect(protocol=3, single_connection_client=True), []
    cache.connection._parser.set_invalidation_push_handler(told.append)
    say("tracking", cache.execute_command("CLIENT", "TRACKING", "ON"))
    cache.get(f"{t}:w")
    other.set(f"{t}:w", "changed")
    until = time.time() + 5
    while time.time() < until and not told:
        cache.ping()
    say("invalidated", told)

say("blocking, timeout", client.blpop(f"{t}:q", timeout=0.2))
say("bzpopmin", client.bzpopmin(f"{t}:z", timeout=1))
found = []
waiting = threading.Thread(target=lambda: found.append(connect().blpop(f"{t}:q", timeout=10)))
waiting.start()
time.sleep(0.4)
client.rpush(f"{t}:q", "job")
waiting.join()
say("blocking", found)

for i in range(1, 6):
    client.xadd(f"{t}:x", {"n": i, "text": "ü"}, id=f"{i}-1")
say("xrange", client.xrange(f"{t}:x", "2", "3"))
say("xgroup", client.xgroup_create(f"{t}:x", "workers", "0"))
say("xreadgroup", client.xreadgroup("workers", "w1", {f"{t}:x": ">"}, count=2))
say("xack", client.xack(f"{t}:x", "workers", "1-1"))
say("xpending", client.xpending(f"{t}:x", "workers"))
say("xlen", client.xlen(f"{t}:x"))
say("xread", client.xread({f"{t}:x": "4-1"}, block=100))
say("xread, timeout", client.xread({f"{t}:x": "$"}, block=100))

lua = "return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}"
say("eval", client.eval(lua, 1, f"{t}:lua", "arg"))
digest = client.script_load(lua)
say("script load", digest)
say("evalsha", client.evalsha(digest, 1, f"{t}:lua", "arg"))
say("script exists", client.script_exists(digest, "0" * 40))
if not clustered:
    say("registered", client.register_script("return ARGV[1] .. KEYS[1]")(keys=[f"{t}:lua"], args=["x"]))
    code = "#!lua name=redispylib\nredis.register_function('redispy_hello', function(k, a) return {k[1], a[1]} end)"
    say("function load", client.function_load(code, replace=True))
    say("fcall", client.fcall("redispy_hello", 1, f"{t}:fn", "arg"))
    say("function delete", client.function_delete("redispylib"))

pipe = client.pipeline(transaction=False)
for i in range(2500):
    pipe.set(f"{t}:p{i}", f"value {i}").get(f"{t}:p{i}").incr(f"{t}:p{i}:n").getrange(f"{t}:p{i}", 0, 4)
answers = pipe.execute()
say("pipeline", [len(answers), hashlib.sha256(json.dumps(plain(answers)).encode()).hexdigest()])
pipe = client.pipeline(transaction=False)
for i in range(2500):
    pipe.delete(f"{t}:p{i}")
    pipe.delete(f"{t}:p{i}:n")
say("cleanup", sum(pipe.execute()))

big = bytes(i * 31 % 251 for i in range(251)) * (64 * 1024 * 1024 // 251)
say("big set", client.set(f"{t}:big", big))
say("big get", hashlib.sha256(client.get(f"{t}:big")).hexdigest())
say("big delete", client.delete(f"{t}:big"))
for key in keys:
    client.delete(f"{t}:{key}")
