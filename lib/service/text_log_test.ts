import { strictEqual } from "node:assert/strict";
import { textLine } from "./text_log.ts";

Deno.test("a log line for people has everything of the JSON line", () => {
  const line = {
    time: "t",
    level: "warn",
    room: "db",
    text: "a tunnel is down",
    code: "a.b",
    n: 3,
  };
  strictEqual(
    textLine(JSON.stringify({ ...line, why: "two words\n" })),
    't WARN db: a tunnel is down code=a.b n=3 why="two words\\n"\n',
  );
});
