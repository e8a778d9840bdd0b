import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { createHash } from "node:crypto";
import { concat } from "../../bytes/writer.ts";
import { latin1 } from "../latin1.ts";
import { streamSizes } from "../streaming.ts";
import { WireError } from "../wire_error.ts";
import { type CommandHandler, CommandReader } from "./command_reader.ts";
import { splitInline } from "./inline.ts";
import { ReplyReader, type SeenReply } from "./reply_reader.ts";
import { command, errorReply, measureReply, readReply, status } from "./resp.ts";

const encoder = new TextEncoder();
const bytes = (text: string) => encoder.encode(text);

/** What a reader says of a client's bytes, given `size` at a time. */
function commandsOf(sent: Uint8Array, size: number, wholeMax = streamSizes.wholeMax) {
  const said: string[] = [];
  const forwarded: Uint8Array[] = [];
  const reader = new CommandReader({ ...streamSizes, wholeMax });
  const handler: CommandHandler = {
    command: (args, raw) => {
      said.push(args.map(latin1).join(" "));
      forwarded.push(raw.slice());
      return true;
    },
    blank: (raw) => forwarded.push(raw.slice()),
    long: () => "pass",
    passes: (raw) => forwarded.push(raw.slice()),
    ended: (long, last) => {
      said.push(
        long.arguments.map(({ bytes, length, sha256 }) =>
          sha256 === null ? latin1(bytes) : `${length}:${sha256}`
        ).join(" "),
      );
      forwarded.push(last.slice());
    },
  };
  for (let at = 0; at < sent.length; at += size) reader.push(sent.slice(at, at + size), handler);
  return { said, forwarded: concat(forwarded), atRest: reader.atRest };
}

function repliesOf(sent: Uint8Array, size: number) {
  const said: (SeenReply & { end: number })[] = [];
  const reader = new ReplyReader();
  let passed = 0;
  for (let at = 0; at < sent.length; at += size) {
    const chunk = sent.slice(at, at + size);
    reader.push(chunk, { reply: (seen, end) => said.push({ ...seen, end: passed + end }) });
    passed += chunk.length;
  }
  return { said, atRest: reader.atRest };
}

const talk = concat([
  command("SET", "k", "a\r\nb"),
  bytes("PING\r\n"),
  bytes("\r\n*0\r\n"),
  bytes("set \"a b\" 'c'\n"),
  command("GET", ""),
]);

Deno.test("commands are cut the same however the chunks fall", () => {
  for (const wholeMax of [streamSizes.wholeMax, 20, 0]) {
    for (const size of [1, 2, 3, 7, 1000]) {
      const { said, forwarded, atRest } = commandsOf(talk, size, wholeMax);
      deepStrictEqual(said, ["SET k a\r\nb", "PING", "set a b c", "GET "]);
      deepStrictEqual(forwarded, talk);
      ok(atRest);
    }
  }
});

Deno.test("a long argument passes before its command is whole, its end does not", () => {
  const value = new Uint8Array(3 * 1024 * 1024).fill(0x61);
  const sent = concat([command("SET", "key", value), command("GET", "key")]);
  const { said, forwarded } = commandsOf(sent, 65536);
  const sha256 = createHash("sha256").update(value).digest("hex");
  deepStrictEqual(said, [`SET key ${value.length}:${sha256}`, "GET key"]);
  ok(forwarded.length === sent.length);
  const early = commandsOf(sent.slice(0, value.length + 33), 65536);
  deepStrictEqual(early.said, []);
});

Deno.test("what announces too much is refused at its header", () => {
  const code = (sent: string) => {
    try {
      commandsOf(bytes(sent), 1000);
    } catch (error) {
      if (error instanceof WireError) return error.code;
      throw error;
    }
    return "taken";
  };
  strictEqual(code("*1048577\r\n"), "oversize");
  strictEqual(code("*2\r\n$536870913\r\n"), "oversize");
  strictEqual(code("*2\r\n$-5\r\n"), "malformed");
  strictEqual(code("*1\r\n:5\r\n"), "malformed");
  strictEqual(code(`*${"0".repeat(40)}`), "malformed");
  strictEqual(code('GET "open\r\n'), "malformed");
  strictEqual(code("a".repeat(70_000)), "oversize");
  strictEqual(code("*1048576\r\n$3\r\nSET\r\n$536870912\r\n"), "taken");
});

Deno.test("inline commands are split as the server splits them", () => {
  const split = (line: string) => splitInline(bytes(line))?.map(latin1) ?? null;
  deepStrictEqual(split(" a  b\tc "), ["a", "b", "c"]);
  deepStrictEqual(split("a \"b c\" 'd e'"), ["a", "b c", "d e"]);
  deepStrictEqual(split(String.raw`"\x41\n\"" '\'\n'`), ['A\n"', "'\\n"]);
  deepStrictEqual(split('"a"b'), null);
  deepStrictEqual(split("'a"), null);
  deepStrictEqual(split(""), []);
});

const replies = concat([
  status("OK"),
  errorReply("ERR bad\r\nthing"),
  bytes(":-5\r\n$3\r\na\r\n\r\n$-1\r\n*-1\r\n*0\r\n"),
  bytes("*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n"),
  bytes("%2\r\n+a\r\n*1\r\n:1\r\n+b\r\n~2\r\n#t\r\n,1.5\r\n"),
  bytes("|1\r\n+ttl\r\n:3\r\n$1\r\nx\r\n"),
  bytes(">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\nk\r\n"),
  bytes("*2\r\n+OK\r\n-ERR inner\r\n=5\r\ntxt:a\r\n!5\r\nERR x\r\n(12345678901234567890\r\n_\r\n"),
]);

Deno.test("replies are told apart however the chunks fall", () => {
  const whole = repliesOf(replies, 100_000).said;
  strictEqual(
    whole.map(({ type }) => String.fromCharCode(type)).join(""),
    "+-:$$**#".slice(0, 7) + "*%$>*=!(_",
  );
  strictEqual(whole[0]?.line, "OK");
  strictEqual(whole[1]?.line, "ERR bad thing");
  deepStrictEqual([whole[7]?.kind, whole[7]?.last, whole[7]?.count], ["subscribe", 1, 3]);
  strictEqual(whole[10]?.kind, "invalidate");
  strictEqual(whole[11]?.inner, "ERR inner");
  strictEqual(whole[13]?.line, "ERR x");
  strictEqual(whole.reduce((sum, { bytes }) => sum + bytes, 0), replies.length);
  for (const size of [1, 2, 3, 5, 11]) {
    const cut = repliesOf(replies, size);
    deepStrictEqual(cut.said, whole);
    ok(cut.atRest);
  }
});

Deno.test("nesting and length bombs in replies are refused at the header", () => {
  const nested = bytes("*1\r\n".repeat(129));
  throws(() => repliesOf(nested, 64), { code: "oversize" });
  throws(() => repliesOf(bytes("$536870913\r\n"), 64), { code: "oversize" });
  throws(() => repliesOf(bytes("*4294967296\r\n"), 64), { code: "oversize" });
  throws(() => repliesOf(bytes("$3\r\nabcXY"), 64), { code: "malformed" });
  throws(() => repliesOf(bytes("?3\r\n"), 64), { code: "malformed" });
  strictEqual(repliesOf(bytes("*4294967295\r\n"), 64).atRest, false);
});

Deno.test("a handshake's reply is measured and read as a tree", () => {
  const sent = bytes("%1\r\n$5\r\nproto\r\n:3\r\n+OK\r\n");
  const size = measureReply(sent);
  strictEqual(size, sent.length - 5);
  for (let end = 0; end < (size ?? 0); end++) {
    strictEqual(measureReply(sent.subarray(0, end)), null);
  }
  deepStrictEqual(readReply(sent.subarray(0, size ?? 0)), {
    type: "map",
    values: [{ type: "bulk", bytes: bytes("proto") }, { type: "integer", value: 3n }],
  });
});
