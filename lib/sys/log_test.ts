import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { SteppingClock } from "../../tests/fakes/clock.ts";
import { jsonLog } from "./log.ts";

Deno.test("a line is JSON with time, level, room, text and all fields", () => {
  const lines: string[] = [];
  const log = jsonLog({ clock: new SteppingClock(0), write: (line) => lines.push(line) });
  log.child({ visit: "v1" }, "db").warn("slow", { ms: 5 });
  log.debug("not written");
  deepStrictEqual(lines.map((line) => JSON.parse(line)), [
    {
      time: "1970-01-01T00:00:00.000Z",
      level: "warn",
      room: "db",
      text: "slow",
      visit: "v1",
      ms: 5,
    },
  ]);
});

Deno.test("a text that repeats too often is counted instead", async () => {
  const lines: string[] = [];
  const clock = new SteppingClock();
  const log = jsonLog({ clock, write: (line) => lines.push(line) });
  for (let at = 0; at < 100; at += 1) log.info("again");
  log.info("other");
  strictEqual(lines.length, 21);
  await clock.step(2000);
  log.info("again");
  strictEqual(JSON.parse(lines.at(-1) ?? "").repeated, 80);
});
