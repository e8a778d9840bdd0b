// node-redis: RESP3 and its types, pipelines, MULTI and WATCH, pub/sub, blocking pop, streams, functions.
import { readFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { createClient, createCluster, RESP_TYPES } from "redis";

const env = process.env;
const clustered = env.REDIS_CLUSTER === "1";
const settings = {
  RESP: 3,
  unstableResp3: true,
  socket: {
    host: env.REDIS_HOST,
    port: Number(env.REDIS_PORT),
    tls: true,
    ca: readFileSync(env.REDIS_CA, "utf8"),
    cert: readFileSync(env.REDIS_CERT, "utf8"),
    key: readFileSync(env.REDIS_KEY, "utf8"),
    servername: "localhost",
    reconnectStrategy: false,
  },
  ...(env.REDIS_USER ? { username: env.REDIS_USER, password: env.REDIS_PASSWORD } : {}),
};
const opened = [];
const open = async () => {
  const client = clustered
    ? createCluster({ RESP: 3, unstableResp3: true, rootNodes: [settings], defaults: settings })
    : createClient(settings);
  client.on("error", () => {});
  await client.connect();
  opened.push(client);
  return client;
};
const t = clustered ? "{noderedis}" : "noderedis";
const plain = (key, value) =>
  typeof value === "bigint" ? `${value}n` : Buffer.isBuffer(value) ? value.toString("hex") : value;
const say = (step, value) => console.log(JSON.stringify([step, value], plain));
const sha = (data) => createHash("sha256").update(data).digest("hex");
const failure = (promise) => promise.then(() => "none", (error) => error.message);
const client = await open();
const send = (...args) =>
  clustered ? client.sendCommand(args[1], false, args) : client.sendCommand(args);

for (const name of ["a", "raw", "h", "s", "z", "t1", "w", "x", "q", "lua", "fn"]) {
  await client.del(`${t}:${name}`);
}
if (!clustered) say("whoami", await client.aclWhoAmI());
say("set", [await client.set(`${t}:a`, "Grüße, 世界"), await client.get(`${t}:a`)]);
say("missing", await client.get(`${t}:none`));
const raw = Buffer.from([0, 13, 10, 255, 36, 42]);
await client.set(`${t}:raw`, raw);
const buffers = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
say("binary", (await buffers.get(`${t}:raw`)).equals(raw));

// Types that only RESP3 has: map, set, double, boolean, null, big number, verbatim string.
await client.del(`${t}:h`);
say("map", [await client.hSet(`${t}:h`, { one: "1", two: "2" }), await client.hGetAll(`${t}:h`)]);
await client.sAdd(`${t}:s`, ["a"]);
say("set type", await client.sMembers(`${t}:s`));
await client.zAdd(`${t}:z`, [{ score: 1.5, value: "one" }, { score: Infinity, value: "last" }]);
say("double", [await client.zScore(`${t}:z`, "one"), await client.zRangeWithScores(`${t}:z`, 0, -1)]);
const typed = (expression, resp = 3) =>
  client.eval(`redis.setresp(${resp}); return ${expression}`, { keys: [`${t}:k`], arguments: [] });
say("lua map", await typed("{map={a=1,b='two'}}"));
say("lua set", await typed("{set={a=true}}"));
say("lua double", await typed("{double=3.25}"));
say("lua boolean", await typed("true"));
say("lua big number", await typed("{big_number='12345678901234567890'}"));
say("lua verbatim", await typed("{verbatim_string={format='txt', string='plain'}}"));
say("lua null", await typed("nil"));
say("nested", await typed("{1, {2, {3, {map={k={set={x=true}}}}}}}"));
say("wrong type", await failure(client.lPush(`${t}:a`, "x")));
say("unknown", await failure(send("nosuch", `${t}:a`)));

const many = Array.from({ length: 40 }, (_, i) => `${t}:m${i}`);
say("mset", await client.mSet(many.map((key, i) => [key, `v${i}`])));
say("mget", await client.mGet([...many, `${t}:none`]));
say("exists", await client.exists([...many, `${t}:none`]));
say("unlink", await client.unlink(many.slice(0, 10)));
say("del", await client.del(many.slice(5)));
if (!clustered) {
  const found = [];
  for await (const keys of client.scanIterator({ MATCH: `${t}:*`, COUNT: 10 })) found.push(...keys);
  say("scan", [...new Set(found)].sort());
}

say("multi", await client.multi().set(`${t}:t1`, "1").incr(`${t}:t1`).get(`${t}:t1`).exec());
say(
  "multi with an error",
  await client.multi().set(`${t}:t1`, "1").lPush(`${t}:t1`, "x").exec().catch((e) =>
    e.replies?.map((r) => r instanceof Error ? r.message : r)
  ),
);
if (!clustered) {
  const other = await open();
  await client.watch(`${t}:w`);
  await other.set(`${t}:w`, "from outside");
  say("watch lost", await failure(client.multi().set(`${t}:w`, "mine").exec()));
  await client.watch(`${t}:w`);
  say("watch won", await client.multi().set(`${t}:w`, "mine").get(`${t}:w`).exec());
}

// Pub/sub; with RESP3 commands go on beside it, on the same connection.
const subscriber = await open();
const heard = [];
await subscriber.subscribe("noderedis:news", (text, channel) => heard.push(["message", channel, text]));
await subscriber.pSubscribe("noderedis:n*", (text, channel) => heard.push(["pattern", channel, text]));
await subscriber.sSubscribe(`${t}:shard`, (text, channel) => heard.push(["shard", channel, text]));
say("beside pub/sub", await subscriber.get(`${t}:t1`));
await client.publish("noderedis:news", "hello");
await client.sPublish(`${t}:shard`, "sharded");
for (let round = 0; round < 100 && heard.length < 3; round++) {
  await new Promise((resolve) => setTimeout(resolve, 50));
}
say("heard", heard.map((one) => one.join("|")).sort());
await subscriber.unsubscribe("noderedis:news");
await subscriber.pUnsubscribe("noderedis:n*");
await subscriber.sUnsubscribe(`${t}:shard`);
say("after pub/sub", await subscriber.get(`${t}:t1`));

say("blocking, timeout", await client.blPop(`${t}:q`, 0.2));
const waiting = await open();
const popped = waiting.blPop(`${t}:q`, 10);
await new Promise((resolve) => setTimeout(resolve, 300));
await client.rPush(`${t}:q`, "job");
say("blocking", await popped);

await client.del(`${t}:x`);
for (let i = 1; i <= 5; i++) await client.xAdd(`${t}:x`, `${i}-1`, { n: String(i), text: "ü" });
say("xrange", await client.xRange(`${t}:x`, "2", "3"));
say("xgroup", await client.xGroupCreate(`${t}:x`, "workers", "0"));
say("xreadgroup", await client.xReadGroup("workers", "w1", { key: `${t}:x`, id: ">" }, { COUNT: 2 }));
say("xack", await client.xAck(`${t}:x`, "workers", "1-1"));
say("xpending", await client.xPending(`${t}:x`, "workers"));
say("xinfo", (await client.xInfoStream(`${t}:x`)).length);

const lua = "return {KEYS[1], ARGV[1], redis.call('INCR', KEYS[1])}";
const digest = createHash("sha1").update(lua).digest("hex");
await client.del(`${t}:lua`);
say("eval", await client.eval(lua, { keys: [`${t}:lua`], arguments: ["arg"] }));
say("evalsha", await client.evalSha(digest, { keys: [`${t}:lua`], arguments: ["arg"] }));
const unknown = client.evalSha("0".repeat(40), { keys: [`${t}:lua`], arguments: [] });
say("noscript", await failure(unknown));
if (!clustered) {
  const code = "#!lua name=noderedislib\n" +
    "redis.register_function('noderedis_hello', function(k, a) return {k[1], a[1]} end)";
  say("function load", await client.functionLoad(code, { REPLACE: true }));
  say("fcall", await client.fCall("noderedis_hello", { keys: [`${t}:fn`], arguments: ["arg"] }));
  say("function list", await client.functionList({ LIBRARYNAME: "noderedislib" }));
  say("function delete", await client.functionDelete("noderedislib"));
}

const work = [];
for (let i = 0; i < 2500; i++) {
  const key = `${t}:p${i}`;
  work.push(client.set(key, `value ${i}`), client.get(key), client.incr(`${key}:n`));
  work.push(client.getRange(key, 0, 4));
}
const answers = await Promise.all(work);
say("pipeline", [answers.length, sha(JSON.stringify(answers))]);
const cleaned = [];
for (let i = 0; i < 2500; i++) cleaned.push(client.unlink([`${t}:p${i}`]), client.unlink([`${t}:p${i}:n`]));
say("cleanup", (await Promise.all(cleaned)).reduce((sum, count) => sum + count, 0));

const big = Buffer.alloc(64 * 1024 * 1024, "0123456789abcdef");
say("big set", await client.set(`${t}:big`, big));
say("big get", sha(await buffers.get(`${t}:big`)));
await client.del(`${t}:big`);
for (const one of opened) await one.close();
say("closed", opened.length);
