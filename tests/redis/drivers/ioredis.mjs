// ioredis: RESP2, pipelines, MULTI and WATCH, pub/sub, blocking pop, streams, scripts, functions.
import { readFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { Cluster, Redis } from "ioredis";

const env = process.env;
const clustered = env.REDIS_CLUSTER === "1";
const tls = {
  ca: readFileSync(env.REDIS_CA, "utf8"),
  cert: readFileSync(env.REDIS_CERT, "utf8"),
  key: readFileSync(env.REDIS_KEY, "utf8"),
  servername: "localhost",
};
const account = env.REDIS_USER
  ? { username: env.REDIS_USER, password: env.REDIS_PASSWORD }
  : {};
const at = { host: env.REDIS_HOST, port: Number(env.REDIS_PORT) };
const opened = [];
const open = () => {
  const client = clustered
    ? new Cluster([at], { redisOptions: { tls, ...account }, clusterRetryStrategy: () => null })
    : new Redis({ ...at, tls, ...account, retryStrategy: () => null });
  opened.push(client);
  return client;
};
const t = clustered ? "{ioredis}" : "ioredis";
const say = (step, value) => console.log(JSON.stringify([step, value]));
const sha = (data) => createHash("sha256").update(data).digest("hex");
const failure = (promise) => promise.then(() => "none", (error) => error.message);
const client = open();

for (const key of await client.keys("*ioredis*")) await client.del(key);
if (!clustered) say("whoami", await client.acl("WHOAMI"));
say("set", [await client.set(`${t}:a`, "Grüße, 世界"), await client.get(`${t}:a`)]);
say("missing", await client.get(`${t}:none`));
const raw = Buffer.from([0, 13, 10, 255, 36, 42]);
await client.set(`${t}:raw`, raw);
say("binary", (await client.getBuffer(`${t}:raw`)).equals(raw));
say("options", [
  await client.set(`${t}:a`, "x", "NX"),
  await client.set(`${t}:a`, "y", "XX", "GET"),
  await client.set(`${t}:ex`, "1", "EX", 1000),
  (await client.ttl(`${t}:ex`)) > 990,
]);
say("counters", [
  await client.incr(`${t}:n`),
  await client.incrby(`${t}:n`, "9007199254740990"),
  await client.incrbyfloat(`${t}:f`, "0.1"),
]);
say("wrong type", await failure(client.lpush(`${t}:a`, "x")));
say("unknown", await failure(client.call("nosuch", `${t}:a`)));
if (!clustered) say("arity", await failure(client.call("get")));
say("list", [
  await client.rpush(`${t}:l`, "1", "2", "3"),
  await client.lrange(`${t}:l`, 0, -1),
  await client.lmove(`${t}:l`, `${t}:l`, "LEFT", "RIGHT"),
  await client.lpop(`${t}:l`, 2),
]);
say("hash", [
  await client.hset(`${t}:h`, { one: "1", two: "2" }),
  await client.hgetall(`${t}:h`),
  await client.hmget(`${t}:h`, "one", "none"),
]);
await client.sadd(`${t}:s`, "a", "b", "c");
say("set type", [(await client.smembers(`${t}:s`)).sort(), await client.smismember(`${t}:s`, "a", "z")]);
await client.zadd(`${t}:z`, 1, "one", 2.5, "two", "+inf", "last");
say("sorted set", [
  await client.zrange(`${t}:z`, 0, -1, "WITHSCORES"),
  await client.zscore(`${t}:z`, "two"),
]);
await client.geoadd(`${t}:g`, 13.361389, 38.115556, "Palermo", 15.087269, 37.502669, "Catania");
say("geo", await client.geodist(`${t}:g`, "Palermo", "Catania", "km"));
say("bits", [await client.setbit(`${t}:b`, 7, 1), await client.bitcount(`${t}:b`)]);
say("hyperloglog", [await client.pfadd(`${t}:p`, "a", "b", "c"), await client.pfcount(`${t}:p`)]);

// Keys of many slots in one command; a cluster client keeps them together.
const many = Array.from({ length: 40 }, (_, i) => `${t}:m${i}`);
say("mset", await client.mset(Object.fromEntries(many.map((key, i) => [key, `v${i}`]))));
say("mget", await client.mget([...many, `${t}:none`]));
say("exists", await client.exists(...many, `${t}:none`));
say("touch", await client.touch(...many));
say("unlink", await client.unlink(...many.slice(0, 10)));
say("del", await client.del(...many.slice(5)));
if (!clustered) {
  const found = [];
  for await (const keys of client.scanStream({ match: `${t}:*`, count: 10 })) found.push(...keys);
  say("scan", [...new Set(found)].sort());
  say("keys", (await client.keys(`${t}:*`)).sort());
}

// MULTI, WATCH; the second client gets in between.
const other = open();
say(
  "multi",
  await client.multi().set(`${t}:t1`, "1").incr(`${t}:t1`).lpush(`${t}:t1`, "x").get(`${t}:t1`).exec(),
);
if (!clustered) {
  await client.watch(`${t}:w`);
  await other.set(`${t}:w`, "from outside");
  say("watch lost", await client.multi().set(`${t}:w`, "mine").exec());
  await client.watch(`${t}:w`);
  say("watch won", await client.multi().set(`${t}:w`, "mine").get(`${t}:w`).exec());
  await client.watch(`${t}:w`);
  say("unwatch", await client.unwatch());
  await client.multi({ pipeline: false });
  say("queued", await client.set(`${t}:w`, "never"));
  say("discard", [await client.discard(), await client.get(`${t}:w`)]);
}

// Pub/sub.
const subscriber = open();
const heard = [];
subscriber.on("message", (channel, text) => heard.push(["message", channel, text]));
subscriber.on("pmessage", (pattern, channel, text) => heard.push([pattern, channel, text]));
say("subscribe", await subscriber.subscribe("ioredis:news", "ioredis:more"));
say("psubscribe", await subscriber.psubscribe("ioredis:n*"));
await client.publish("ioredis:news", "hello");
await client.publish("ioredis:more", "Grüße");
for (let round = 0; round < 100 && heard.length < 3; round++) {
  await new Promise((resolve) => setTimeout(resolve, 50));
}
say("heard", heard.map((one) => one.join("|")).sort());
if (!clustered) say("ping while subscribed", await subscriber.ping());
say("unsubscribe", [await subscriber.unsubscribe("ioredis:news", "ioredis:more"), await subscriber.punsubscribe("ioredis:n*")]);
say("after pub/sub", await subscriber.get(`${t}:t1`));

// Blocking.
say("blocking, timeout", await client.blpop(`${t}:q`, 0.2));
const popped = other.blpop(`${t}:q`, 10);
await new Promise((resolve) => setTimeout(resolve, 300));
await client.rpush(`${t}:q`, "job");
say("blocking", await popped);

// Streams with a consumer group.
for (let i = 1; i <= 5; i++) await client.xadd(`${t}:x`, `${i}-1`, "n", String(i), "text", "ü");
say("xrange", await client.xrange(`${t}:x`, "2", "3"));
say("xgroup", await client.xgroup("CREATE", `${t}:x`, "workers", "0"));
say("xreadgroup", await client.xreadgroup("GROUP", "workers", "w1", "COUNT", 2, "STREAMS", `${t}:x`, ">"));
say("xack", await client.xack(`${t}:x`, "workers", "1-1"));
say("xpending", await client.xpending(`${t}:x`, "workers"));
say("xautoclaim", (await client.xautoclaim(`${t}:x`, "workers", "w2", 0, "0"))[1]);
const waited = other.xread("BLOCK", 10000, "STREAMS", `${t}:x`, "$");
await new Promise((resolve) => setTimeout(resolve, 300));
await client.xadd(`${t}:x`, "9-1", "late", "yes");
say("xread block", await waited);
say("xread, timeout", await client.xread("BLOCK", 100, "STREAMS", `${t}:x`, "$"));

// Scripts and functions.
const lua = "return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1]), {1, 'two'}}";
say("eval", await client.eval(lua, 1, `${t}:lua`, "arg"));
const digest = createHash("sha1").update(lua).digest("hex");
say("script load", (await client.script("LOAD", lua)) === digest);
say("evalsha", await client.evalsha(digest, 1, `${t}:lua`, "arg"));
say("noscript", await failure(client.evalsha("0".repeat(40), 1, `${t}:lua`)));
say("script error", (await failure(client.eval("return redis.error_reply('MY own')", 1, `${t}:lua`))));
const library = `#!lua name=ioredislib
redis.register_function('ioredis_hello', function(keys, args) return {keys[1], args[1]} end)`;
if (!clustered) {
  say("function load", await client.function("LOAD", "REPLACE", library));
  say("fcall", await client.fcall("ioredis_hello", 1, `${t}:fn`, "arg"));
  say("function delete", await client.function("DELETE", "ioredislib"));
}

// 10,000 commands in one pipeline, over as many keys as there are.
const pipeline = client.pipeline();
for (let i = 0; i < 2500; i++) {
  const key = `${t}:p${i}`;
  pipeline.set(key, `value ${i}`).get(key).incr(`${key}:n`).getrange(key, 0, 4);
}
const answers = await pipeline.exec();
say("pipeline", [answers.length, sha(JSON.stringify(answers))]);
const cleanup = client.pipeline();
for (let i = 0; i < 2500; i++) cleanup.unlink(`${t}:p${i}`).unlink(`${t}:p${i}:n`);
say("cleanup", (await cleanup.exec()).reduce((sum, [, count]) => sum + count, 0));

// 64 MiB.
const big = Buffer.alloc(64 * 1024 * 1024, "0123456789abcdef");
say("big set", await client.set(`${t}:big`, big));
say("big strlen", await client.strlen(`${t}:big`));
say("big get", sha(await client.getBuffer(`${t}:big`)));
say("big del", await client.unlink(`${t}:big`));
if (!clustered) say("quit", await client.quit());
for (const one of opened) one.disconnect();
