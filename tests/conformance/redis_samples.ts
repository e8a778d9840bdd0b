/** Conversations in RESP2 and RESP3, byte by byte as client and server have them. */
import { concat } from "../../lib/bytes/writer.ts";
import type { Sample } from "./protocol.ts";

/** Planted where passwords stand, and in what a server says of them. */
export const SECRET = "hunter2-of-the-samples";

const encoder = new TextEncoder();

/** Text as bytes; `\n` stands for the line ends of the protocol. */
export function wire(text: string): Uint8Array {
  return encoder.encode(text.replaceAll("\n", "\r\n"));
}

/** A command as an array of bulk strings. */
export function call(...args: readonly (string | Uint8Array)[]): Uint8Array {
  const parts = args.map((arg) => typeof arg === "string" ? encoder.encode(arg) : arg);
  return concat([
    wire(`*${parts.length}\n`),
    ...parts.flatMap((part) => [wire(`$${part.length}\n`), part, wire("\n")]),
  ]);
}

const client = (...bytes: readonly Uint8Array[]) => ({ from: "client", bytes: concat(bytes) });
const server = (text: string) => ({ from: "server", bytes: wire(text) });

type Turn = Sample["turns"][number];

function sample(name: string, ...turns: readonly { from: string; bytes: Uint8Array }[]): Sample {
  const typed = turns.map(({ from, bytes }): Turn =>
    from === "client" ? { from: "client", bytes } : { from: "server", bytes }
  );
  return { name, turns: typed };
}

export const samples: readonly Sample[] = [
  sample(
    "a pipeline",
    client(
      call("SET", "k", Uint8Array.of(0, 255, 13, 10, 92)),
      call("GET", "k"),
      wire("PING\n\n*0\n"),
      call("LRANGE", "list", "0", "-1"),
      wire("set \"a b\" 'c'\n"),
      call("NOSUCH", "x"),
    ),
    server("+OK\n$2\nab\n"),
    server("+PONG\n*3\n$1\na\n:1\n*-1\n+OK\n-ERR unknown command 'NOSUCH'\n"),
  ),
  sample(
    "a transaction with an error in it",
    client(call("MULTI"), call("INCR", "n"), call("LPUSH", "n", "x"), call("EXEC")),
    server("+OK\n+QUEUED\n+QUEUED\n*2\n:1\n-WRONGTYPE Operation against a key\n"),
    client(call("DISCARD")),
    server("-ERR DISCARD without MULTI\n"),
  ),
  sample(
    "subscriptions in RESP2",
    client(call("SUBSCRIBE", "a", "b"), call("PSUBSCRIBE", "p*")),
    server("*3\n$9\nsubscribe\n$1\na\n:1\n*3\n$9\nsubscribe\n$1\nb\n:2\n"),
    server("*3\n$7\nmessage\n$1\na\n$2\nhi\n*3\n$10\npsubscribe\n$2\np*\n:3\n"),
    client(call("UNSUBSCRIBE"), call("PUNSUBSCRIBE", "p*"), call("PING")),
    server("*3\n$11\nunsubscribe\n$1\na\n:2\n*3\n$11\nunsubscribe\n$1\nb\n:1\n"),
    server("*3\n$12\npunsubscribe\n$2\np*\n:0\n+PONG\n"),
  ),
  sample(
    "RESP3 with pushes",
    client(call("HELLO", "3", "SETNAME", "me"), call("CLIENT", "TRACKING", "ON")),
    server("%2\n$6\nserver\n$5\nredis\n$5\nproto\n:3\n+OK\n"),
    client(call("GET", "k"), call("HGETALL", "h"), call("SMEMBERS", "s"), call("ZSCORE", "z", "m")),
    server(">2\n+invalidate\n*1\n$1\nk\n|1\n+ttl\n:9\n$1\nv\n%1\n$1\nf\n,1.5\n~2\n#t\n#f\n_\n"),
    client(call("SUBSCRIBE", "c"), call("GET", "k")),
    server(">3\n$9\nsubscribe\n$1\nc\n:1\n=7\ntxt:abc\n>3\n$7\nmessage\n$1\nc\n$1\nm\n"),
  ),
  sample(
    "secrets",
    client(call("CONFIG", "SET", "requirepass", SECRET), call("ACL", "SETUSER", "u", `>${SECRET}`)),
    server(`-ERR no requirepass ${SECRET}\n-ERR Error in ACL SETUSER modifier '>${SECRET}'\n`),
    client(call("MIGRATE", "h", "1", "k", "0", "9", "AUTH2", "u", SECRET)),
    server("+NOKEY\n"),
  ),
  sample(
    "MONITOR",
    client(call("MONITOR")),
    server('+OK\n+1700000000.123456 [0 127.0.0.1:5000] "GET" "x"\n'),
    client(call("PING")),
    server('+1700000000.123457 [0 lua] "SET" "y" "1"\n+PONG\n'),
  ),
];
