import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { SteppingClock } from "../../tests/fakes/clock.ts";
import type { Log } from "../core/log.ts";
import { type Part, supervise } from "./supervisor.ts";

class Stage {
  readonly told: string[] = [];
  readonly exits: number[] = [];
  readonly clock = new SteppingClock();
  signal: (name: string) => void = () => {};

  part(name: string, over: Partial<Part> & { readonly drained?: Promise<void> } = {}): Part {
    return {
      name,
      drainMs: 1000,
      start: () => {
        this.told.push(`start ${name}`);
        return Promise.resolve({
          drain: (ms) => {
            this.told.push(`drain ${name} ${ms}`);
            return over.drained ?? Promise.resolve();
          },
          stop: () => {
            this.told.push(`stop ${name}`);
            return Promise.resolve();
          },
        });
      },
      ...over,
    };
  }

  run(parts: readonly Part[]): Promise<number> {
    return supervise({
      parts,
      log: this.#log(),
      clock: this.clock,
      ready: () => Promise.resolve(void this.told.push("ready")),
      onSignal: (run) => {
        this.signal = run;
        return () => void this.told.push("ignore");
      },
      exitNow: (code) => void this.exits.push(code),
    });
  }

  #log(): Log {
    const say = (level: string) => (text: string): void => {
      if (level === "error") this.told.push(text);
    };
    const log: Log = {
      debug: say("debug"),
      info: say("info"),
      warn: say("warn"),
      error: say("error"),
      child: () => log,
    };
    return log;
  }
}

/** Lets everything that can go on go on. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

Deno.test("parts start in order, drain together and stop the other way round", async () => {
  const stage = new Stage();
  const done = stage.run([stage.part("auth"), stage.part("proxy")]);
  await settle();
  deepStrictEqual(stage.told, ["start auth", "start proxy", "ready"]);
  stage.signal("SIGTERM");
  strictEqual(await done, 0);
  deepStrictEqual(stage.told.slice(3), [
    ...["drain proxy 1000", "drain auth 1000", "stop proxy", "stop auth", "ignore"],
  ]);
});

Deno.test("a part that can't start stops those before it, and its fault is thrown", async () => {
  const stage = new Stage();
  const start = (): Promise<never> => Promise.reject(new Error("no port"));
  await rejects(stage.run([stage.part("auth"), stage.part("proxy", { start })]), /no port/);
  deepStrictEqual(stage.told, ["start auth", "stop auth", "ignore"]);
});

Deno.test("a signal while a part still starts ends the process in order", async () => {
  const stage = new Stage();
  const start = (signal: AbortSignal): Promise<never> =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  const done = stage.run([stage.part("auth"), stage.part("db", { start })]);
  await settle();
  stage.signal("SIGTERM");
  strictEqual(await done, 0);
  deepStrictEqual(stage.told, ["start auth", "stop auth", "ignore"]);
});

Deno.test("a second signal ends the process while it still drains", async () => {
  const stage = new Stage();
  const drained = Promise.withResolvers<void>();
  const done = stage.run([stage.part("db", { drained: drained.promise })]);
  await settle();
  stage.signal("SIGTERM");
  await settle();
  deepStrictEqual(stage.exits, []);
  stage.signal("SIGINT");
  deepStrictEqual(stage.exits, [130]);
  drained.resolve();
  await done;
});

Deno.test("a part that fails to drain is told of, and all are stopped all the same", async () => {
  const stage = new Stage();
  const broken = stage.part("db", { drained: Promise.reject(new Error("broken")) });
  const done = stage.run([stage.part("auth"), broken]);
  await settle();
  stage.signal("SIGTERM");
  strictEqual(await done, 0);
  deepStrictEqual(stage.told.slice(-4), [
    ...["a service did not stop properly", "stop db", "stop auth", "ignore"],
  ]);
});
