import assert from "node:assert/strict";
import { concat } from "../../../bytes/writer.ts";
import { WireError } from "../../wire_error.ts";
import { command } from "../resp.ts";
import { FakeCluster, slotsReply } from "./spread_fake.ts";

const ok = "+OK\r\n";

/** All three nodes are open. */
function ready(): FakeCluster {
  const cluster = new FakeCluster();
  cluster.ask("get foo", "get c");
  cluster.open(7003, 7002);
  cluster.from(7003, "$-1\r\n");
  cluster.from(7002, "$-1\r\n");
  for (const port of [7001, 7002, 7003]) cluster.to(port);
  cluster.heard();
  return cluster;
}

Deno.test("each command goes to its node, and answers come in the order they were asked", () => {
  const cluster = new FakeCluster();
  cluster.ask("set foo 1", "set bar 2", "set c 3", "get foo");
  assert.deepEqual(cluster.to(7001), ["set bar 2"]);
  assert.deepEqual(cluster.to(7003), [], "nothing is sent before the login is done");
  cluster.from(7001, ok);
  assert.equal(cluster.heard(), "");
  cluster.open(7002, 7003);
  assert.deepEqual(cluster.to(7003), ["set foo 1", "get foo"]);
  cluster.from(7002, "-ERR c\r\n");
  cluster.from(7003, ok, "$1\r\n1\r\n");
  assert.equal(cluster.heard(), `${ok}${ok}-ERR c\r\n$1\r\n1\r\n`);
});

Deno.test("answers are the same however they are cut", () => {
  const replies = ["*2\r\n$3\r\na\r\n\r\n%1\r\n+k\r\n:1\r\n", "$0\r\n\r\n"];
  for (let cut = 1; cut < 20; cut++) {
    const cluster = ready();
    cluster.ask("lrange foo 0 1", "get bar");
    cluster.from(7001, replies[1] ?? "");
    const whole = replies[0] ?? "";
    for (let at = 0; at < whole.length; at += cut) cluster.from(7003, whole.slice(at, at + cut));
    assert.equal(cluster.heard(), replies.join(""));
  }
});

Deno.test("a long answer passes as it comes once its turn is there, and none in between", () => {
  const cluster = ready();
  cluster.ask("get foo", "get bar");
  cluster.from(7001, "$1\r\nb\r\n");
  cluster.from(7003, "$200000\r\n", "x".repeat(100_000));
  assert.equal(cluster.heard().length, 100_009, "it is not held until it is whole");
  cluster.from(7003, "x".repeat(100_000), "\r\n");
  assert.equal(cluster.heard().slice(-9), "\r\n$1\r\nb\r\n");
});

Deno.test("a node whose turn it isn't is held back, and let go on when it is", () => {
  const cluster = ready();
  cluster.ask("get foo", "get bar");
  cluster.from(7001, `$1100000\r\n${"x".repeat(1_090_000)}`);
  assert.ok(cluster.held.has("first") && !cluster.held.has(cluster.opening.get(7003) ?? ""));
  cluster.from(7003, "$-1\r\n");
  assert.deepEqual([...cluster.held], []);
  assert.ok(cluster.heard().length > 1_090_000);
});

Deno.test("MOVED is followed, learnt, and what comes after it waits", () => {
  const cluster = ready();
  cluster.ask("incr foo", "get bar");
  cluster.from(7003, "-MOVED 12182 h:7002\r\n");
  assert.deepEqual(cluster.to(7002)[0], "incr foo");
  cluster.ask("incr foo");
  assert.deepEqual(cluster.to(7002).filter((line) => line === "incr foo"), [], "it waits");
  cluster.from(7001, "$1\r\nb\r\n");
  cluster.from(7002, ":1\r\n");
  assert.deepEqual(cluster.to(7002).filter((line) => line === "incr foo"), ["incr foo"]);
  assert.equal(cluster.heard(), ":1\r\n$1\r\nb\r\n");
});

Deno.test("ASK is followed once, with ASKING; to a node that was unknown as well", () => {
  const cluster = ready();
  cluster.ask("get foo");
  cluster.from(7003, "-ASK 12182 h:7009\r\n");
  cluster.open(7009);
  assert.deepEqual(cluster.to(7009), ["ASKING", "get foo"]);
  cluster.from(7009, ok, "$1\r\nx\r\n");
  assert.equal(cluster.heard(), "$1\r\nx\r\n");
  cluster.ask("get foo");
  assert.deepEqual(cluster.to(7003), ["get foo", "get foo"]);
});

Deno.test("nodes that send a command in a circle are told apart from those that help", () => {
  const cluster = ready();
  cluster.ask("get foo");
  for (let round = 0; round < 3; round++) {
    cluster.from(7003, "-MOVED 12182 h:7002\r\n");
    cluster.from(7002, "-MOVED 12182 h:7003\r\n");
  }
  assert.match(cluster.heard(), /^-CLUSTERDOWN .*circle/);
  assert.equal(cluster.failed, null);
});

Deno.test("TRYAGAIN is tried again after a while, and told in the end", () => {
  const cluster = ready();
  cluster.ask("mget {foo}1 {foo}2");
  for (let round = 0; round < 40; round++) {
    cluster.from(7003, "-TRYAGAIN later\r\n");
    assert.equal(cluster.heard(), "");
    cluster.spread.wake();
  }
  cluster.from(7003, "-TRYAGAIN later\r\n");
  assert.equal(cluster.heard(), "-TRYAGAIN later\r\n");
});

Deno.test("a lost node costs its commands an error, what it never heard goes elsewhere", () => {
  const cluster = ready();
  cluster.ask("incr foo", "get bar");
  cluster.lose(7003);
  assert.match(cluster.heard(), /^-CLUSTERDOWN .*may have been run/);
  cluster.from(7001, "$1\r\nb\r\n");
  cluster.ask("incr foo");
  assert.ok(cluster.opening.has(7003), "it is tried again");
  cluster.lose(7003);
  assert.equal(cluster.heard(), "$1\r\nb\r\n");
  // The others know of the replica by now.
  cluster.from(7002, slotsReply(7004));
  cluster.open(7004);
  assert.deepEqual(cluster.to(7004), ["incr foo"]);
  cluster.from(7004, ":1\r\n");
  assert.equal(cluster.heard(), ":1\r\n");
});

Deno.test("where nobody has the slot that can be reached, that is said at once", () => {
  const cluster = ready();
  cluster.lose(7003);
  cluster.ask("get foo");
  cluster.lose(7003);
  cluster.from(7001, slotsReply());
  assert.match(cluster.heard(), /^-CLUSTERDOWN the node of hash slot 12182/);
  cluster.ask("get foo");
  assert.match(cluster.heard(), /^-CLUSTERDOWN/);
});

Deno.test("a subscription that is lost ends the session: nothing could make up for it", () => {
  const cluster = ready();
  cluster.ask("ssubscribe foo");
  cluster.from(7003, "*3\r\n$10\r\nssubscribe\r\n$3\r\nfoo\r\n:1\r\n");
  cluster.lose(7003);
  assert.match(cluster.failed ?? "", /listened/);
});

Deno.test("questions of ours never get into a transaction or a command that is passing", () => {
  const cluster = ready();
  cluster.ask("multi", "set bar 1", "set foo 1");
  cluster.from(7001, ok, "+QUEUED\r\n", "-MOVED 12182 h:7003\r\n");
  assert.deepEqual(cluster.to(7001), ["MULTI", "set bar 1", "set foo 1"]);
  assert.match(cluster.heard(), /\+QUEUED\r\n-CROSSSLOT/);
  cluster.lose(7002);
  assert.deepEqual(cluster.to(7001), [], "the node is between MULTI and EXEC");
  assert.deepEqual(cluster.to(7003), ["CLUSTER SLOTS"]);
  const long = command("set", "foo", "x".repeat(1_200_000));
  cluster.from(7003, slotsReply());
  cluster.ask("discard");
  cluster.from(7001, ok);
  cluster.spread.client(long.subarray(0, 600_000));
  cluster.lose(7001);
  cluster.spread.client(long.subarray(600_000));
  assert.deepEqual(cluster.to(7003).slice(0, 1), ["long set"]);
});

Deno.test("a transaction is at one node from its first key on", () => {
  const cluster = ready();
  cluster.ask("multi", "ping", "get bar", "exec");
  assert.equal(cluster.heard(), `${ok}+QUEUED\r\n`);
  assert.deepEqual(cluster.to(7001), ["MULTI", "ping", "get bar", "exec"]);
  cluster.from(7001, ok, "+QUEUED\r\n", "+QUEUED\r\n", "*2\r\n+PONG\r\n$-1\r\n");
  assert.equal(cluster.heard(), "+QUEUED\r\n*2\r\n+PONG\r\n$-1\r\n");
  cluster.ask("watch foo", "multi", "get foo");
  assert.deepEqual(cluster.to(7003), ["watch foo"]);
  cluster.from(7003, ok);
  cluster.lose(7003);
  cluster.ask("exec");
  assert.match(cluster.heard(), /EXECABORT/);
});

Deno.test("a command without its node's room waits, and the client with it", () => {
  const cluster = ready();
  cluster.congested = true;
  cluster.ask(`set foo ${"x".repeat(200_000)}`, `set foo ${"x".repeat(100_000)}`);
  assert.equal(cluster.spread.isFull, true);
  assert.deepEqual(cluster.to(7003), []);
  cluster.congested = false;
  cluster.spread.room();
  assert.equal(cluster.to(7003).length, 2);
  assert.equal(cluster.spread.isFull, false);
});

Deno.test("the client's end comes when all is answered, or at once while it blocks", () => {
  const cluster = ready();
  cluster.ask("get foo");
  cluster.spread.ended();
  assert.equal(cluster.finished, false);
  cluster.from(7003, "$-1\r\n");
  assert.equal(cluster.finished, true);
  const blocked = ready();
  blocked.ask("blpop foo 0", "get foo");
  assert.deepEqual(blocked.to(7003), ["blpop foo 0"], "what follows waits");
  blocked.spread.ended();
  assert.equal(blocked.finished, true);
});

Deno.test("an account that may not ask for the slots ends the session with those words", () => {
  const cluster = new FakeCluster(false);
  cluster.from(7001, "-NOPERM no\r\n", "-NOPERM this user may not\r\n");
  assert.match(cluster.failed ?? "", /refuses CLUSTER SLOTS.*: NOPERM/);
});

Deno.test("a node that answers what nobody asked breaks the protocol", () => {
  const cluster = ready();
  assert.throws(() => cluster.from(7002, ok), /unexpected|asked/);
  const other = ready();
  assert.throws(() => other.from(7002, "nonsense\r\n"));
});

Deno.test("a thousand commands over all nodes keep their order whatever the nodes' pace", () => {
  const cluster = ready();
  const keys = ["foo", "bar", "c"];
  const asked = Array.from({ length: 1_000 }, (_, at) => `echo-get ${keys[at * 7 % 3]} ${at}`);
  cluster.spread.client(concat(asked.map((line) => command(...line.split(" ")))));
  for (const port of [7002, 7001, 7003]) {
    const numbers = cluster.to(port).map((line) => line.split(" ")[2]);
    cluster.from(port, numbers.map((number) => `:${number}\r\n`).join(""));
  }
  assert.equal(cluster.heard(), asked.map((_, at) => `:${at}\r\n`).join(""));
});

Deno.test("whatever nodes say, it is a broken protocol or an answer, and nothing else", () => {
  const replies = [
    ...["$1\r\nb\r\n", "*2\r\n$1\r\n7\r\n*1\r\n$1\r\nk\r\n", "-MOVED 12182 h:7002\r\n", ok],
    ...["-ASK 12182 h:7009\r\n", ":7\r\n", slotsReply(), "%1\r\n+a\r\n:1\r\n", "-TRYAGAIN x\r\n"],
    ...["*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n", ">2\r\n+invalidate\r\n_\r\n", "*-1\r\n"],
  ];
  const lines = ["get foo", "mget foo bar c", "scan 0", "subscribe a", "dbsize", "keys *"];
  let seed = 7;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % below;
  };
  let broken = 0;
  for (let round = 0; round < 3_000; round++) {
    const cluster = ready();
    try {
      for (let step = 0; step < 6; step++) {
        cluster.ask(lines[random(lines.length)] ?? "");
        let said = replies[random(replies.length)] ?? "";
        if (random(3) === 0) {
          const at = random(said.length);
          said = said.slice(0, at) + String.fromCharCode(random(128)) + said.slice(at + random(3));
        }
        cluster.from([7001, 7002, 7003][random(3)] ?? 7001, said);
        if (random(8) === 0) cluster.spread.wake();
        if (random(20) === 0) cluster.lose([7001, 7002, 7003][random(3)] ?? 7001);
      }
    } catch (thrown) {
      assert.ok(thrown instanceof WireError, String(thrown));
      broken += 1;
    }
  }
  assert.ok(broken > 300 && broken < 2_900, `${broken} of 3000 broke it`);
});
