/** What the systemd unit starts, started with what the unit gives it and nothing else. */
import { match, ok, strictEqual } from "node:assert/strict";
import { join } from "../../scripts/lab/paths.ts";
import { serverUser } from "../../scripts/lab/postgres.ts";
import { freshFolder } from "../../scripts/lab/site.ts";
import { exists, must, root, waitFor } from "../../scripts/lab/tools.ts";
import { have, skipped } from "../site.ts";

const dir = await freshFolder("remoteler-unit-");
Deno.test.afterAll(() => Deno.remove(dir, { recursive: true }));

/** A port below 1024 that nobody has. */
function lowPort(): number {
  for (let port = 1023; port > 600; port--) {
    try {
      Deno.listen({ hostname: "127.0.0.1", port }).close();
      return port;
    } catch {
      // taken
    }
  }
  throw new Error("no port below 1024 is free");
}

/** The unit's settings by name, comments left out. */
function settingsOf(unit: string): ReadonlyMap<string, string> {
  const lines = unit.split("\n").filter((line) => /^[A-Z]\w*=/.test(line));
  return new Map(lines.map((line) => {
    const at = line.indexOf("=");
    return [line.slice(0, at), line.slice(at + 1)];
  }));
}

/** `setpriv` and `env` as systemd.exec(5) says of these settings. */
function asUnit(
  unit: ReadonlyMap<string, string>,
  user: { readonly uid: number; readonly gid: number },
  environment: Readonly<Record<string, string>>,
): readonly string[] {
  const caps = (name: string) => (unit.get(name) ?? "").toLowerCase().replace("cap_", "+");
  strictEqual(unit.get("NoNewPrivileges"), "yes");
  return [
    ...["setpriv", `--reuid=${user.uid}`, `--regid=${user.gid}`, "--clear-groups"],
    ...["--no-new-privs", `--bounding-set=-all,${caps("CapabilityBoundingSet")}`],
    ...[`--inh-caps=-all,${caps("AmbientCapabilities")}`],
    ...[`--ambient-caps=-all,${caps("AmbientCapabilities")}`],
    ...["env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin"],
    ...Object.entries(environment).map(([name, value]) => `${name}=${value}`),
  ];
}

Deno.test({
  name: "the unit's command runs as another user without HOME, and may have a port below 1024",
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    const user = await serverUser();
    if (user === null) return skipped("the systemd unit, run", "only root can become another");
    if (!(await have("setpriv", "the systemd unit, run"))) return;
    await must(join(root, "scripts", "build"), [`--dist=${dir}`], { timeoutMs: 600_000 });
    const remoteler = join(dir, "remoteler");
    const env = { REMOTELER_CACHE: join(dir, "cache-of-root") };
    const unit = settingsOf(await must(remoteler, ["install", "systemd", "--dry-run"], { env }));
    const folders = ["credentials", "state", "cache"].map((name) => join(dir, name));
    const [credentials = "", state = "", cache = ""] = folders;
    for (const folder of folders) {
      await Deno.mkdir(folder, { mode: 0o700 });
      await Deno.chown(folder, user.uid, user.gid);
    }
    const port = lowPort();
    const config = join(credentials, "remoteler.yaml");
    await Deno.writeTextFile(
      config,
      `version: v1
remoteler: { data_dir: ${state} }
auth_service: { listen_addr: "127.0.0.1:0" }
proxy_service: { web_listen_addr: "127.0.0.1:${port}", public_addr: "localhost:${port}" }
db_service: { databases: [] }
`,
      { mode: 0o400 },
    );
    await Deno.chown(config, user.uid, user.gid);
    const command = (unit.get("ExecStart") ?? "").replace("${CREDENTIALS_DIRECTORY}", credentials);
    const ready = join(state, "ready.json");
    const [program = "", ...args] = [
      ...asUnit(unit, user, { CREDENTIALS_DIRECTORY: credentials, CACHE_DIRECTORY: cache }),
      ...["sh", "-c", `umask ${unit.get("UMask")}; exec "$@"`, "sh", ...command.split(" ")],
      `--ready-file=${ready}`,
    ];
    const child = new Deno.Command(program, {
      args,
      cwd: "/",
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const output = child.output();
    try {
      await waitFor("it is ready", 40_000, () => exists(ready));
      strictEqual(JSON.parse(await Deno.readTextFile(ready)).proxy_address, `127.0.0.1:${port}`);
      const status = await Deno.readTextFile(`/proc/${child.pid}/status`);
      match(status, new RegExp(`^Uid:\\t${user.uid}\\t`, "m"));
      match(status, /^NoNewPrivs:\t1$/m);
      match(status, /^CapBnd:\t0000000000000400$/m);
    } finally {
      child.kill("SIGTERM");
    }
    const { code, stderr } = await output;
    strictEqual(code, 0, new TextDecoder().decode(stderr));
    for (const { name } of Deno.readDirSync(state)) {
      const mode = Deno.lstatSync(join(state, name)).mode ?? 0;
      ok((mode & 0o077) === 0, `${name} can be read by others`);
    }
  },
});
