/** The systemd unit as systemd itself judges it. */
import { match, ok, strictEqual } from "node:assert/strict";
import { join } from "../../scripts/lab/paths.ts";
import { programs } from "../../scripts/lab/services.ts";
import { type Finished, run } from "../../scripts/lab/tools.ts";
import { have } from "../site.ts";

/** Exposure by `systemd-analyze security`, in tenths; 100 is a unit with nothing set. */
const exposureMax = 18;

async function remoteler(...args: readonly string[]): Promise<Finished> {
  const [program = "", ...first] = programs().remoteler;
  return await run(program, [...first, ...args]);
}

async function withUnit(
  flags: readonly string[],
  judge: (file: string) => Promise<void>,
): Promise<void> {
  const dir = await Deno.makeTempDir();
  try {
    const made = await remoteler(
      ...["install", "systemd", "--dry-run", "--executable=/bin/true", ...flags],
    );
    strictEqual(made.code, 0, made.stderr);
    const file = join(dir, "remoteler.service");
    await Deno.writeTextFile(file, made.stdout);
    await judge(file);
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
}

const kinds: readonly [name: string, flags: readonly string[]][] = [
  ["system", ["-c", "/etc/remoteler.yaml"]],
  ["system, with strange paths", ["-c", "/etc/100% mine.yaml"]],
  ["user", ["--user", "-c", "/home/a b/remoteler.yaml"]],
];
for (const [name, flags] of kinds) {
  Deno.test(`systemd finds nothing wrong with the unit: ${name}`, async () => {
    if (!(await have("systemd-analyze", "the systemd unit, verified"))) return;
    await withUnit(flags, async (file) => {
      const mode = flags.includes("--user") ? ["--user"] : [];
      const runtime = await Deno.makeTempDir();
      const done = await run("systemd-analyze", [...mode, "verify", "--man=no", file], {
        env: { XDG_RUNTIME_DIR: runtime },
      });
      await Deno.remove(runtime, { recursive: true });
      strictEqual(done.stderr, "");
      strictEqual(done.code, 0);
    });
  });
}

Deno.test("the system's unit leaves little exposed", async () => {
  if (!(await have("systemd-analyze", "the systemd unit's exposure"))) return;
  await withUnit([], async (file) => {
    const done = await run("systemd-analyze", [
      ...["security", "--offline=true", `--threshold=${exposureMax}`, "--no-pager", file],
    ]);
    const found = /exposure level for \S+: ([\d.]+)/.exec(done.stdout)?.[1];
    ok(found !== undefined, done.stdout + done.stderr);
    ok(Number(found) * 10 <= exposureMax, `exposure ${found}`);
    strictEqual(done.code, 0);
    match(await Deno.readTextFile(file), /MemoryDenyWriteExecute= can't be set/);
  });
});
