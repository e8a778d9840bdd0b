// The common script by ioredis (RESP2).
import { createHash } from "node:crypto";
import { Redis } from "ioredis";
import { host, password, pause, port, say, tls, username, value64 } from "./shared.mjs";

const connect = () => new Redis({ host, port, tls, username, password, lazyConnect: false });
const r = connect();
const other = connect();
const key = (name) => `io:${name}`;

say("whoami", await r.acl("WHOAMI"));
const old = await r.keys(key("*"));
if (old.length > 0) await r.del(...old);
say("set", await r.set(key("bytes"), Buffer.from([0, 255, 13, 10])));
say("get", await r.getBuffer(key("bytes")));
say("nothing", await r.get(key("nothing")));
say("hash", [await r.hset(key("h"), { a: 1, b: "x" }), await r.hgetall(key("h"))]);
say("set members", [await r.sadd(key("s"), "x", "y"), (await r.smembers(key("s"))).sort()]);
say("sorted", [await r.zadd(key("z"), 1.5, "m"), await r.zrange(key("z"), 0, -1, "WITHSCORES")]);
await r.lpush(key("h"), 1).catch((error) => say("error", error));

say("multi", await r.multi().incr(key("n")).incr(key("n")).lpush(key("h"), 1).exec());
await r.watch(key("n"));
await other.set(key("n"), 100);
say("watch", await r.multi().incr(key("n")).exec());

const sub = connect();
const heard = [];
sub.on("message", (...message) => heard.push(message));
sub.on("pmessage", (...message) => heard.push(message));
say("subscribe", await sub.subscribe(key("news"), key("more")));
say("psubscribe", await sub.psubscribe(key("pattern.*")));
say("publish", [await other.publish(key("news"), "hello"), await other.publish(key("pattern.x"), "y")]);
await pause(300);
say("heard", heard);
say("ping while subscribed", await sub.ping());
say("unsubscribe", [
  await sub.unsubscribe(key("news"), key("more")),
  await sub.punsubscribe(key("pattern.*")),
]);
say("get after", await sub.get(key("n")));
sub.disconnect();

setTimeout(() => other.rpush(key("queue"), "job"), 200);
say("blpop", await r.blpop(key("queue"), 10));
say("blpop timeout", await r.blpop(key("queue"), 1));

const stream = key("stream");
for (const n of [1, 2, 3]) say("xadd", await r.xadd(stream, `${n}-1`, "f", n));
say("group", await r.xgroup("CREATE", stream, "g", "0"));
say("xreadgroup", await r.xreadgroup("GROUP", "g", "c", "COUNT", 2, "STREAMS", stream, ">"));
say("xack", await r.xack(stream, "g", "1-1"));
say("pending", await r.xpending(stream, "g"));
say("xread blocked", await r.xread("BLOCK", 100, "STREAMS", stream, "$"));

const text = "return {KEYS[1], ARGV[1], redis.call('incr', KEYS[1])}";
say("eval", await r.eval(text, 1, key("counter"), "x"));
say("evalsha", await r.evalsha(await r.script("LOAD", text), 1, key("counter"), "y"));
const code = "#!lua name=iolib\nredis.register_function('iof', function(k, a) return a[1] end)";
say("function", await r.function("LOAD", "REPLACE", code));
say("fcall", await r.fcall("iof", 1, key("x"), "arg"));

const writes = r.pipeline();
for (let i = 0; i < 10_000; i++) writes.set(key(`p${i}`), i);
say("pipeline", [...new Set((await writes.exec()).map(String))]);
const reads = r.pipeline();
for (let i = 0; i < 10_000; i++) reads.get(key(`p${i}`));
say("pipeline sum", (await reads.exec()).reduce((sum, [, text]) => sum + Number(text), 0));

say("set large", await r.set(key("large"), value64));
const got = await r.getBuffer(key("large"));
say("large", [got.length, createHash("sha256").update(got).digest("hex")]);
await r.del(key("large"));
say("quit", await r.quit());
other.disconnect();
