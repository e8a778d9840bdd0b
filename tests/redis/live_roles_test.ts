/** A change of roles reaches sessions that are open: what they may ask, and where they may be. */
import { match } from "node:assert/strict";
import { waitFor } from "../../scripts/lab/tools.ts";
import { optionsOf, type RedisEndpoint } from "./endpoint.ts";
import { type RedisSite, redisSuite, through } from "./site.ts";

const test = redisSuite();

async function setRole({ site }: RedisSite, allow: Readonly<Record<string, unknown>>) {
  const everywhere = { db_labels: { "*": "*" }, db_users: ["alice"] };
  await site.putRole("changing", { allow: { ...everywhere, ...allow } });
}

/** redis-cli as a person has it open. */
class OpenCli {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #said = "";

  constructor(endpoint: RedisEndpoint) {
    this.#child = new Deno.Command("redis-cli", {
      args: [...optionsOf(endpoint)],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#listen().catch(() => {});
  }

  async #listen(): Promise<void> {
    const texts = this.#child.stdout.pipeThrough(new TextDecoderStream());
    for await (const text of texts) this.#said += text;
  }

  /** What the server answers to a line. */
  async ask(line: string): Promise<string> {
    this.#said = "";
    await this.#writer.write(new TextEncoder().encode(`${line}\n`));
    return await waitFor(`an answer to ${line}`, 10_000, () => {
      return Promise.resolve(this.#said.endsWith("\n") ? this.#said.trim() : null);
    });
  }

  async close(): Promise<void> {
    await this.#writer.close().catch(() => {});
    await this.#child.status;
  }
}

test("what a role no longer allows, an open session may no longer ask", async (on) => {
  await setRole(on, { db_names: ["0", "1"], redis_commands: ["@default"] });
  await on.site.remoteler(["users", "update", "alice", "--roles=changing"]);
  await on.site.login(on.alice, "alice");
  await on.alice.mustTsh(["db", "login", "cache", "--db-user=alice", "--db-name=0"]);
  const cli = new OpenCli(await through(on.alice));
  try {
    match(await cli.ask("set live 1"), /^OK/);
    await setRole(on, { db_names: ["0", "1"], redis_commands: ["@read", "select"] });
    await waitFor("the change is heard of", 5000, async () => {
      return /^NOPERM .*command set/.test(await cli.ask("set other 2"));
    });
    match(await cli.ask("get live"), /^1|^"1"/);
    match(await cli.ask("select 1"), /^OK/);
    await setRole(on, { db_names: ["0"], redis_commands: ["@default"] });
    await waitFor("the session, being where it may not be, has ended", 5000, async () => {
      const ends = await on.site.events(["--events=db.session.end"]);
      return ends.some(({ message }) => /no longer allow this session/.test(String(message)));
    });
  } finally {
    await cli.close();
  }
});
