import assert from "node:assert/strict";
import { latin1 } from "../../latin1.ts";
import { readReply } from "../resp.ts";
import { clusterAnswer } from "./answers.ts";
import { type Combine, combine, withCursor } from "./combine.ts";
import { nextCursor, placeOf, tagsOf } from "./scan.ts";
import { readRedirect, readTopology } from "./topology.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const parts = (...replies: string[]) => replies.map((text) => ({ reply: bytes(text), places: [] }));
const said = (how: Combine, ...replies: string[]) => latin1(combine(how, parts(...replies)));

Deno.test("replies of several nodes become one", () => {
  assert.equal(said("sum", ":1\r\n", ":41\r\n"), ":42\r\n");
  assert.equal(said("min", ":3\r\n", ":1\r\n", ":2\r\n"), ":1\r\n");
  assert.equal(said("first", "+OK\r\n", "+OK\r\n"), "+OK\r\n");
  assert.equal(
    said("joined", "*1\r\n$1\r\na\r\n", "*0\r\n", "*1\r\n$1\r\nb\r\n"),
    "*2\r\n$1\r\na\r\n$1\r\nb\r\n",
  );
  assert.equal(said("each", "*2\r\n:1\r\n:0\r\n", "*2\r\n:1\r\n:1\r\n"), "*2\r\n:1\r\n:0\r\n");
  assert.equal(said("any", "$-1\r\n", "$1\r\nk\r\n"), "$1\r\nk\r\n");
  assert.equal(said("any", "_\r\n", "_\r\n"), "_\r\n");
});

Deno.test("the first error is the answer, whatever the others said", () => {
  for (const how of ["sum", "first", "joined", "ordered", "each", "any"] as const) {
    assert.equal(said(how, ":1\r\n", "-NOPERM no\r\n", "-ERR x\r\n"), "-NOPERM no\r\n");
  }
});

Deno.test("elements come back in the order of their keys, nulls and bytes as they are", () => {
  const whole = combine("ordered", [
    { reply: bytes("*2\r\n$4\r\n\r\n\r\n\r\n$-1\r\n"), places: [2, 0] },
    { reply: bytes("*2\r\n_\r\n$1\r\nb\r\n"), places: [1, 3] },
  ]);
  assert.equal(latin1(whole), "*4\r\n$-1\r\n_\r\n$4\r\n\r\n\r\n\r\n$1\r\nb\r\n");
});

Deno.test("nodes that answer unlike each other are refused", () => {
  assert.throws(() => said("sum", ":1\r\n", "+OK\r\n"));
  assert.throws(() => said("joined", "*1\r\n$1\r\na\r\n", ":1\r\n"));
  assert.throws(() => combine("ordered", [{ reply: bytes("*1\r\n$1\r\na\r\n"), places: [0, 1] }]));
});

Deno.test("a cursor names its node and is understood by whoever knows the same nodes", () => {
  const tags = tagsOf(["b", "a", "c"]);
  assert.deepEqual([...tags.values()].sort(), ["a", "b", "c"]);
  assert.deepEqual([...tags], [...tagsOf(["c", "b", "a"])]);
  const [one = 0, two = 0] = tags.keys();
  const start = placeOf("0", tags.keys());
  assert.deepEqual(start, { tag: one, cursor: "0" });
  if (start === null) return;
  const going = nextCursor(start, "17592186044416", tags.keys());
  assert.deepEqual(placeOf(going, tags.keys()), { tag: one, cursor: "17592186044416" });
  const over = nextCursor(start, "0", tags.keys());
  assert.deepEqual(placeOf(over, tags.keys()), { tag: two, cursor: "0" });
  const last = [...tags.keys()].at(-1) ?? 0;
  assert.equal(nextCursor({ tag: last, cursor: "5" }, "0", tags.keys()), "0");
  assert.equal(placeOf("-1", tags.keys()), null);
  assert.deepEqual(placeOf(String(4095), [1, 2]), { tag: 0, cursor: "0" }, "its node has left");
});

Deno.test("SCAN's reply gets the client's cursor, its keys stay as they are", () => {
  const reply = bytes("*2\r\n$2\r\n17\r\n*1\r\n$1\r\nk\r\n");
  const other = latin1(withCursor(reply, (said) => `${said}99`));
  assert.equal(other, "*2\r\n$4\r\n1799\r\n*1\r\n$1\r\nk\r\n");
  assert.equal(latin1(withCursor(bytes("-ERR x\r\n"), () => "0")), "-ERR x\r\n");
});

const slots = "*2\r\n" +
  "*4\r\n:0\r\n:8191\r\n*4\r\n$9\r\n127.0.0.1\r\n:7001\r\n$1\r\nb\r\n" +
  "*2\r\n$8\r\nhostname\r\n$6\r\none.db\r\n" +
  "*4\r\n$9\r\n127.0.0.1\r\n:7003\r\n$1\r\nc\r\n*0\r\n" +
  "*3\r\n:8192\r\n:16383\r\n*4\r\n$0\r\n\r\n:7002\r\n$1\r\na\r\n*0\r\n";

Deno.test("CLUSTER SLOTS tells owners, names for TLS, and replicas that can be asked", () => {
  const { masters, owners, nodes } = readTopology(readReply(bytes(slots)), "here");
  assert.deepEqual([...masters.keys()], ["here:7002", "127.0.0.1:7001"], "by their ids");
  assert.equal(masters.get("127.0.0.1:7001")?.name, "one.db");
  assert.equal(masters.get("here:7002")?.name, "here");
  assert.deepEqual([owners[0], owners[8191], owners[8192]], [
    "127.0.0.1:7001",
    "127.0.0.1:7001",
    "here:7002",
  ]);
  assert.equal(nodes.size, 3);
  const nonsense = ["+OK\r\n", "*1\r\n:1\r\n", "*1\r\n*3\r\n:0\r\n:16384\r\n*0\r\n"];
  for (const text of nonsense) assert.throws(() => readTopology(readReply(bytes(text)), "here"));
});

Deno.test("redirects are read as they are written, and nothing else is one", () => {
  assert.deepEqual(readRedirect("MOVED 3999 127.0.0.1:6381", "here"), {
    ...{ kind: "moved", slot: 3999, host: "127.0.0.1", port: 6381 },
  });
  assert.equal(readRedirect("ASK 1 :7000", "here")?.host, "here");
  assert.equal(readRedirect("ASK 1 ::1:7000", "here")?.host, "::1");
  for (
    const line of ["MOVED 99999 h:1", "MOVED 1 h:0", "MOVED 1 ?:1", "ERR MOVED 1 h:1", "MOVED"]
  ) {
    assert.equal(readRedirect(line, "here"), null, line);
  }
});

Deno.test("a client that asks for the cluster sees one node with all slots", () => {
  const at = { host: "proxy.example.com", port: 3080 };
  for (const resp of [2, 3]) {
    const answer = clusterAnswer("cluster|shards", at, resp) ?? bytes("");
    assert.equal(readReply(answer).type, "array");
  }
  const { masters, owners } = readTopology(
    readReply(clusterAnswer("cluster|slots", at, 2) ?? bytes("")),
    "x",
  );
  assert.deepEqual([...masters.keys()], ["proxy.example.com:3080"]);
  assert.ok(owners.every((owner) => owner === "proxy.example.com:3080"));
  assert.match(
    latin1(clusterAnswer("cluster|nodes", at, 2) ?? bytes("")),
    /myself,master .* 0-16383\n/,
  );
  assert.match(latin1(clusterAnswer("cluster|slots", null, 2) ?? bytes("")), /^-ERR .*disabled/);
  assert.equal(clusterAnswer("get", at, 2), null);
});
