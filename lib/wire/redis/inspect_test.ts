import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { call, wire } from "../../../tests/conformance/redis_samples.ts";
import { gateOf, unsaid } from "../../../tests/fakes/gate.ts";
import { concat } from "../../bytes/writer.ts";
import { ClientRefused } from "../client_refused.ts";
import type { AskedCommand, CommandReply } from "../commands.ts";
import { latin1 } from "../latin1.ts";
import type { Refusal, Statement, StatementResult } from "../protocol.ts";
import { redis } from "./mod.ts";

/** A session of the user alice; `refuse` says which commands it may not have. */
function session(refuse: (command: AskedCommand) => string | null = () => null, values = true) {
  const refusal = (command: AskedCommand): Refusal | null => {
    const message = refuse(command);
    return message === null ? null : { kind: "denied", message };
  };
  const inspector = redis.inspector(undefined, {
    loggedIn: {},
    database: "0",
    localInfile: false,
    replication: false,
    connectionOf: () => null,
    commands: { user: "alice", values, refusal },
  });
  const statements: Statement[] = [];
  const replies: string[] = [];
  const refused: string[] = [];
  const results = new Map<number, StatementResult>();
  const said = { server: "", client: "" };
  let isOver = false;
  const both = {
    answer: (bytes: Uint8Array) => void (said.client += latin1(bytes)),
    goodbye: () => void (isOver = true),
    replied: (id: number, index: number, { type, error }: CommandReply) =>
      void replies.push(`${id}.${index} ${error?.message ?? type}`),
  };
  const gate = gateOf({
    ...both,
    forward: (bytes) => void (said.server += latin1(bytes)),
    statement: (statement) => statements.push(statement),
    refused: (text) => refused.push(text),
  });
  const tap = {
    ...unsaid,
    ...both,
    forward: (bytes: Uint8Array) => void (said.client += latin1(bytes)),
    result: (id: number, result: StatementResult) => void results.set(id, result),
    lateStatement: (statement: Statement) => void statements.push(statement),
    idle: () => {},
  };
  const take = (side: "server" | "client") => {
    const text = said[side].replaceAll("\r\n", " ").trim();
    said[side] = "";
    return text;
  };
  return {
    statements,
    replies,
    refused,
    results,
    isOver: () => isOver,
    client: (...parts: readonly Uint8Array[]) => inspector.client(concat(parts), gate),
    server: (text: string) => inspector.server(wire(text), tap),
    close: () => inspector.close(tap),
    toServer: () => take("server"),
    toClient: () => take("client"),
    args: () => statements.flatMap(({ commands = [] }) => commands.map(({ args }) => args)),
  };
}

Deno.test("AUTH is answered in its turn, and another user is refused", () => {
  const s = session();
  s.client(call("GET", "a"), call("AUTH", "alice", "pw"), call("AUTH", "bob", "pw"), call("PING"));
  strictEqual(s.toServer(), "*2 $3 GET $1 a *1 $4 PING");
  strictEqual(s.toClient(), "");
  s.server("$1\nx\n");
  const said = s.toClient();
  ok(said.startsWith("$1 x +OK -WRONGPASS"), said);
  s.server("+PONG\n");
  strictEqual(s.toClient(), "+PONG");
  deepStrictEqual(s.args()[1], ["AUTH", "alice", "***"]);
  strictEqual(s.replies.length, 4);
});

Deno.test("HELLO goes on without its AUTH, and the server's own reply comes back", () => {
  const s = session();
  s.client(call("HELLO", "3", "AUTH", "alice", "secret", "SETNAME", "me"));
  strictEqual(s.toServer(), "*4 $5 HELLO $1 3 $7 SETNAME $2 me");
  s.server("%1\n$5\nproto\n:3\n");
  strictEqual(s.toClient(), "%1 $5 proto :3");
  s.client(call("HELLO", "2", "AUTH", "bob", "x"));
  strictEqual(s.toServer(), "");
  ok(s.toClient().startsWith("-WRONGPASS"));
});

Deno.test("a refused command is answered in order and fails its transaction", () => {
  const s = session(({ name }) => name === "flushall" ? "no" : null);
  s.client(call("MULTI"), call("INCR", "n"), call("FLUSHALL"), call("EXEC"), call("GET", "n"));
  strictEqual(s.toServer(), "*1 $5 MULTI *2 $4 INCR $1 n *1 $7 DISCARD *2 $3 GET $1 n");
  s.server("+OK\n+QUEUED\n+OK\n$1\n5\n");
  strictEqual(
    s.toClient(),
    "+OK +QUEUED -NOPERM no -EXECABORT Transaction discarded because of previous errors. $1 5",
  );
  deepStrictEqual(s.refused, ["FLUSHALL"]);
});

Deno.test("RESET is done by its parts, and nobody is logged out", () => {
  const s = session();
  s.client(call("HELLO", "3"), call("SELECT", "4"), call("SUBSCRIBE", "c"));
  s.server("%1\n+proto\n:3\n+OK\n>3\n$9\nsubscribe\n$1\nc\n:1\n");
  s.toServer();
  s.toClient();
  s.client(call("RESET"), call("GET", "k"));
  const words = s.toServer().replaceAll(/[*$]\d+ /g, "");
  strictEqual(
    words,
    "unsubscribe punsubscribe sunsubscribe UNWATCH SELECT 0 HELLO 2 GET k",
  );
  s.server(">3\n$11\nunsubscribe\n$1\nc\n:0\n>3\n$12\npunsubscribe\n_\n:0\n");
  s.server(">3\n$12\nsunsubscribe\n_\n:0\n+OK\n+OK\n*2\n+proto\n:2\n$1\nv\n");
  strictEqual(s.toClient(), "+RESET $1 v");
});

Deno.test("replies that the client switched off are not waited for", () => {
  const s = session();
  s.client(call("CLIENT", "REPLY", "OFF"), call("SET", "a", "1"), call("AUTH", "x"));
  s.client(call("CLIENT", "REPLY", "ON"), call("CLIENT", "REPLY", "SKIP"), call("SET", "b", "2"));
  s.client(call("GET", "a"));
  s.server("+OK\n$1\n1\n");
  strictEqual(s.toClient(), "+OK $1 1");
  deepStrictEqual(s.replies.map((one) => one.split(" ")[1]), [
    ...["none", "none", "status", "status", "none", "none", "bulk"],
  ]);
});

Deno.test("QUIT is answered after what is owed, and nothing after it goes on", () => {
  const s = session();
  s.client(call("GET", "a"), call("QUIT"), call("FLUSHALL"));
  strictEqual(s.toServer(), "*2 $3 GET $1 a");
  ok(!s.isOver());
  s.server("$-1\n");
  strictEqual(s.toClient(), "$-1 +OK");
  ok(s.isOver());
});

Deno.test("a pipeline is recorded in events of 256 commands, each before its bytes go on", () => {
  const s = session();
  s.client(...Array.from({ length: 600 }, (_, at) => call("SET", `k${at}`, "v")));
  deepStrictEqual(s.statements.map(({ commands = [] }) => commands.length), [256, 256, 88]);
  s.server("+OK\n".repeat(300));
  s.close();
  strictEqual(s.replies.length, 300);
  deepStrictEqual([...s.results].map(([id, { outcome }]) => [id, outcome]), [
    [2, "unknown"],
    [3, "unknown"],
  ]);
});

Deno.test("a command of many megabytes is decided over and recorded before its last bytes", () => {
  const asked: (readonly string[] | null)[] = [];
  const s = session((command) => {
    asked.push(command.keys());
    return command.keys()?.includes("forbidden") === true ? "no" : null;
  });
  const value = new Uint8Array(2 * 1024 * 1024).fill(0x61);
  const whole = call("MSET", "a", value, "b", "c");
  s.client(whole.slice(0, -1));
  strictEqual(s.statements.length, 0);
  s.client(whole.slice(-1));
  const [command] = s.statements[0]?.commands ?? [];
  deepStrictEqual(command?.args.map(({ length }) => length), [4, 1, 4096, 1, 1]);
  strictEqual(command?.cut[0]?.bytes, value.length);
  deepStrictEqual(asked.at(-1), ["a", "b"]);
  throws(() => s.client(call("MSET", "a", value, "forbidden", "c")), ClientRefused);
  strictEqual(s.refused.length, 1);
});

Deno.test("what a server says of a command with a secret is not repeated", () => {
  const s = session();
  s.client(
    call("ACL", "SETUSER", "u", ">hush", "on"),
    call("CONFIG", "SET", "requirepass", "hush"),
  );
  s.server("-ERR Error in ACL SETUSER modifier '>hush': no\n-ERR hush\n");
  const told = JSON.stringify([s.statements, s.replies]);
  ok(!told.includes("hush"), told);
  deepStrictEqual(s.args()[0], ["ACL", "SETUSER", "u", "***", "on"]);
});

Deno.test("keys are found wherever a command has them", () => {
  const keys = (...args: readonly string[]) => {
    let found: readonly string[] | null = [];
    const s = session((command) => {
      found = command.keys();
      return null;
    });
    s.client(call(...args));
    return found;
  };
  deepStrictEqual(keys("GET", "k"), ["k"]);
  deepStrictEqual(keys("mset", "a", "1", "b", "2"), ["a", "b"]);
  deepStrictEqual(keys("EVAL", "return 1", "2", "a", "b", "c"), ["a", "b"]);
  deepStrictEqual(keys("EVAL", "return 1", "x", "a"), null);
  deepStrictEqual(keys("XREAD", "COUNT", "1", "STREAMS", "s1", "s2", "0", "0"), ["s1", "s2"]);
  deepStrictEqual(keys("ZUNIONSTORE", "to", "2", "a", "b"), ["to", "a", "b"]);
  deepStrictEqual(keys("SORT", "l", "LIMIT", "0", "5", "STORE", "to"), ["l", "to"]);
  deepStrictEqual(keys("SORT", "l", "BY", "w_*"), null);
  deepStrictEqual(keys("GEORADIUS", "g", "1", "2", "3", "m", "STORE", "to"), ["g", "to"]);
  deepStrictEqual(keys("MIGRATE", "h", "1", "", "0", "9", "KEYS", "a", "b"), ["a", "b"]);
  deepStrictEqual(keys("MEMORY", "USAGE", "k"), ["k"]);
  deepStrictEqual(keys("PING", "k"), []);
});

Deno.test("a reply that nothing asked for ends the session", () => {
  const s = session();
  throws(() => s.server("+OK\n"), { code: "unexpected" });
});
