// The common script by node-redis (RESP3).
import { createHash } from "node:crypto";
import { createClient, RESP_TYPES } from "redis";
import { host, password, pause, port, say, tls, username, value64 } from "./shared.mjs";

async function connect() {
  const client = createClient({
    RESP: 3,
    username,
    password,
    socket: { host, port, tls: true, ...tls, servername: host },
  });
  client.on("error", (error) => say("connection", error.message));
  return await client.connect();
}

const r = await connect();
const other = await connect();
const raw = r.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
const key = (name) => `nr:${name}`;

say("whoami", await r.aclWhoAmI());
const old = await r.keys(key("*"));
if (old.length > 0) await r.del(old);
say("set", await r.set(key("bytes"), Buffer.from([0, 255, 13, 10])));
say("get", await raw.get(key("bytes")));
say("nothing", await r.get(key("nothing")));
say("hash", [await r.hSet(key("h"), { a: 1, b: "x" }), await r.hGetAll(key("h"))]);
say("set members", [await r.sAdd(key("s"), ["x", "y"]), await r.sMembers(key("s"))]);
say("sorted", [
  await r.zAdd(key("z"), [{ score: 1.5, value: "m" }]),
  await r.zRangeWithScores(key("z"), 0, -1),
  await r.zScore(key("z"), "m"),
]);
await r.lPush(key("h"), "1").catch((error) => say("error", error.message));

const multi = r.multi().incr(key("n")).incr(key("n")).lPush(key("h"), "1");
await multi.exec().catch((error) => say("multi", error.replies?.map(String)));
await r.watch(key("n"));
await other.set(key("n"), "100");
await r.multi().incr(key("n")).exec().then(
  (done) => say("watch", done),
  (error) => say("watch", error.constructor.name),
);

const sub = await connect();
const heard = [];
await sub.subscribe([key("news"), key("more")], (...message) => heard.push(message));
await sub.pSubscribe(key("pattern.*"), (...message) => heard.push(message));
await other.publish(key("news"), "hello");
await other.publish(key("pattern.x"), "y");
await pause(300);
say("heard", heard);
say("get while subscribed", await sub.get(key("n")));
await sub.unsubscribe([key("news"), key("more")]);
await sub.pUnsubscribe(key("pattern.*"));
say("get after", await sub.get(key("n")));
sub.destroy();

setTimeout(() => other.rPush(key("queue"), "job"), 200);
say("blpop", await r.blPop(key("queue"), 10));
say("blpop timeout", await r.blPop(key("queue"), 1));

const stream = key("stream");
for (const n of [1, 2, 3]) say("xadd", await r.xAdd(stream, `${n}-1`, { f: String(n) }));
say("group", await r.xGroupCreate(stream, "g", "0"));
const asked = [{ key: stream, id: ">" }];
say("xreadgroup", await r.xReadGroup("g", "c", asked, { COUNT: 2 }));
say("xack", await r.xAck(stream, "g", "1-1"));
say("pending", await r.xPending(stream, "g"));

const text = "return {KEYS[1], ARGV[1], redis.call('incr', KEYS[1])}";
say("eval", await r.eval(text, { keys: [key("counter")], arguments: ["x"] }));
const sha = await r.scriptLoad(text);
say("evalsha", await r.evalSha(sha, { keys: [key("counter")], arguments: ["y"] }));
const code = "#!lua name=nrlib\nredis.register_function('nrf', function(k, a) return a[1] end)";
say("function", await r.functionLoad(code, { REPLACE: true }));
say("fcall", await r.fCall("nrf", { keys: [key("x")], arguments: ["arg"] }));

const writes = await Promise.all(
  Array.from({ length: 10_000 }, (_, i) => r.set(key(`p${i}`), String(i))),
);
say("pipeline", [...new Set(writes)]);
const reads = await Promise.all(Array.from({ length: 10_000 }, (_, i) => r.get(key(`p${i}`))));
say("pipeline sum", reads.reduce((sum, text) => sum + Number(text), 0));

say("set large", await r.set(key("large"), value64));
const got = await raw.get(key("large"));
say("large", [got.length, createHash("sha256").update(got).digest("hex")]);
await r.del(key("large"));
await r.close();
await other.close();
say("closed", true);
