/** `tsh proxy db` that is told to stop, or killed, while work runs through it. */
import { ok, strictEqual } from "node:assert/strict";
import { type Person, programs } from "../../scripts/lab/services.ts";
import { waitFor } from "../../scripts/lab/tools.ts";
import { within } from "../deadline.ts";
import { type Env, RawClient } from "../postgres/raw_client.ts";
import { have, logEverything, siteSuite } from "../site.ts";
import { moments, momentTable } from "./moments.ts";
import { eachOnce, strike } from "./strike.ts";

const signals = ["SIGTERM", "SIGKILL"] as const;
let alice: Person;
let env: Env;

const test = siteSuite({ settings: logEverything }, async (site) => {
  alice = await site.addUser("alice", { dbUsers: ["alice"], dbNames: ["orders"] });
  await site.login(alice, "alice");
  await alice.mustTsh(["db", "login", "orders", "--db-user=alice", "--db-name=orders"]);
  env = await site.through(alice, "orders");
  const client = await RawClient.login(env);
  await client.query(momentTable);
  client.close();
});

for (const signal of signals) {
  test(`${signal}: an error or the right result, and the port is the same again`, async (site) => {
    let local = await LocalProxy.start([]);
    const { port } = local;
    const inject = () => local.end(signal);
    const mend = async () => {
      local = await LocalProxy.start([]);
      strictEqual(local.port, port);
    };
    try {
      const through = () => ({ ...env, PGPORT: String(port) });
      await strike(site, { name: `tsh ${signal}`, sees: "either", inject, mend }, through);
    } finally {
      await local.end("SIGKILL");
    }
  });

  test(`${signal} with --tunnel: psql ends with an error`, async () => {
    if (!(await have("psql", "tsh proxy db --tunnel and signals"))) return;
    const local = await LocalProxy.start(["--tunnel"]);
    const url = `host=127.0.0.1 port=${local.port} user=alice dbname=orders sslmode=disable`;
    const running = alice.run("psql", [url, "-XAtc", `select pg_sleep(6), 'tsh ${signal}'`]);
    const watcher = await RawClient.login(env);
    const count = async () => {
      const [[found] = []] = await watcher.query(
        `select count(*) from pg_stat_activity where query like '%tsh ${signal}%' ` +
          "and pid <> pg_backend_pid() and state = 'active'",
      );
      return Number(found);
    };
    await waitFor("the statement runs", 10_000, async () => await count() === 1);
    await local.end(signal);
    const done = await within("psql ends", 10_000, running);
    ok(done.code !== 0, "psql saw no error");
    // PostgreSQL runs on for a client that is gone, through us as directly.
    await waitFor("the statement ends", 10_000, async () => await count() === 0);
    watcher.close();
  });
}

test("each statement that the server logged has exactly one event", async (site) => {
  await eachOnce(site, 2 * moments.length);
});

class LocalProxy {
  readonly #child: Deno.ChildProcess;
  readonly #said: string[] = [];
  readonly #reading: Promise<void>[];
  port = 0;

  private constructor(flags: readonly string[]) {
    const [program = "", ...args] = programs().tsh;
    this.#child = new Deno.Command(program, {
      args: [...args, "proxy", "db", "orders", ...flags],
      env: { ...alice.env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#reading = [this.#child.stdout, this.#child.stderr].map(async (stream) => {
      for await (const chunk of stream) this.#said.push(new TextDecoder().decode(chunk));
    });
  }

  /** Starts it and waits until it says its port. */
  static async start(flags: readonly string[]): Promise<LocalProxy> {
    const local = new LocalProxy(flags);
    local.port = await waitFor("the local port", 15_000, () => {
      const found = /(?:127\.0\.0\.1|localhost)[: ](\d+)/.exec(local.#said.join(""))?.[1];
      return found ? Number(found) : null;
    }).catch(async (e) => {
      await local.end("SIGKILL");
      throw new Error(`${e.message}: ${local.#said.join("")}`);
    });
    return local;
  }

  /** Sends the signal and waits for the end; harmless where it has ended. */
  async end(signal: Deno.Signal): Promise<void> {
    try {
      this.#child.kill(signal);
    } catch {
      // it has ended
    }
    await within(`tsh ends by ${signal}`, 10_000, this.#child.status);
    await Promise.all(this.#reading);
  }
}
