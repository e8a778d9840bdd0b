/** docs/formats.md is true: each command prints for machines what stands there. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { parse as parseYaml, parseAllDocuments } from "yaml";
import { adminCommands } from "../../lib/admin/mod.ts";
import { isKind } from "../../lib/admin/names.ts";
import { resources } from "../../lib/api/resources.ts";
import { clientCommands } from "../../lib/client/mod.ts";
import { read } from "../../lib/schema/mod.ts";
import { join } from "../../scripts/lab/paths.ts";
import { type Person, programs } from "../../scripts/lab/services.ts";
import type { Site } from "../../scripts/lab/site.ts";
import { delay, root, waitFor } from "../../scripts/lab/tools.ts";
import { siteSuite } from "../site.ts";

let alice: Person;

const test = siteSuite({
  databases: { orders: { env: "test" }, billing: { env: "test" } },
}, async (site) => {
  alice = await site.addUser("alice", { dbUsers: ["alice"], dbNames: ["orders"] });
  await site.login(alice, "alice");
  await alice.mustTsh(["db", "login", "orders"]);
  await site.remoteler(["lock", "--service=billing"]);
  await site.token("db");
});

/** What a section of the page says of its command. */
interface Section {
  /** The example; undefined where it prints what is described elsewhere. */
  readonly example: unknown;
  /** The kind of the resources that it prints; null where it prints something else. */
  readonly kind: string | null;
}

async function sections(): Promise<ReadonlyMap<string, Section>> {
  const page = await Deno.readTextFile(join(root, "docs", "formats.md"));
  const found = new Map<string, Section>();
  for (const [, name = "", body = ""] of page.matchAll(/^### (.+)\n([^]*?)(?=^##|(?![^]))/gm)) {
    const example = /^```json\n([^]*?)^```/m.exec(body)?.[1];
    const kind = /[Rr]esources? of kind `(\w+)`/.exec(body)?.[1] ?? null;
    found.set(name, { example: example === undefined ? undefined : JSON.parse(example), kind });
  }
  return found;
}

/** The rest of each command line; what makes something makes another one each time. */
const lines: Readonly<Record<string, (n: number) => readonly string[]>> = {
  "tsh db env": () => ["orders"],
  "tsh db config": () => ["orders"],
  "tsh db exec": () => ["select 1 as id, null as name", "orders", "billing"],
  "remoteler db test": () => ["orders"],
  "remoteler users add": (n) => [`user-${n}`, "--roles=access"],
  "remoteler users reset": () => ["alice"],
  "remoteler tokens add": () => ["--type=db", "--services=x"],
  "remoteler get": () => ["role"],
  "remoteler lock": () => ["--user=nobody"],
  "remoteler audit search": () => ["--limit=20"],
  "remoteler audit verify": () => [],
};
/** What makes something new, or looks at what moves on: two runs differ. */
const unlike = /db test|users (add|reset)|tokens add|lock|audit verify|status|doctor/;
/** Exit codes other than 0: a database of `db exec` is locked. */
const codes: Readonly<Record<string, number>> = { "tsh db exec": 1 };

interface Shown {
  readonly name: string;
  readonly formats: readonly string[];
}

async function shown(): Promise<readonly Shown[]> {
  const found: Shown[] = [];
  for (const [program, table] of [["tsh", clientCommands], ["remoteler", adminCommands]] as const) {
    for (const { name, load } of table) {
      const formats = (await load()).options.get("format")?.value?.split("|") ?? [];
      if (formats.length > 0) found.push({ name: `${program} ${name}`, formats });
    }
  }
  return found;
}

let runs = 0;
async function runAs(site: Site, name: string, format: string): Promise<string> {
  const [program = "", ...words] = name.split(" ");
  const args = [...words, ...lines[name]?.(runs++) ?? [], `--format=${format}`];
  const [own = "", ...first] = program === "tsh" ? programs().tsh : programs().remoteler;
  const done = await alice.run("env", [
    ...[`REMOTELER_CONFIG=${site.auth.configFile}`, own, ...first, ...args],
  ]);
  strictEqual(done.code, codes[name] ?? 0, `${name}: ${done.stderr}`);
  if (done.code === 0) strictEqual(done.stderr, "", name);
  return done.stdout;
}

test("every command that prints for machines has json and yaml, and its section", async () => {
  const own = new Set(["remoteler audit export", "remoteler auth sign"]);
  const all = (await shown()).filter(({ name }) => !own.has(name));
  for (const { name, formats } of all) {
    deepStrictEqual(["text", "json", "yaml"].filter((one) => !formats.includes(one)), [], name);
  }
  deepStrictEqual([...(await sections()).keys()].sort(), all.map(({ name }) => name).sort());
});

test("what is printed has the fields of its example, and yaml says the same", async (site) => {
  for (const [name, { example, kind }] of await sections()) {
    if (name === "remoteler audit tail") continue;
    const printed: unknown = JSON.parse(await runAs(site, name, "json"));
    const yaml: unknown = parseYaml(await runAs(site, name, "yaml"));
    if (unlike.test(name)) sameShape(printed, yaml, name);
    else deepStrictEqual(yaml, printed, name);
    if (example !== undefined) sameShape(example, printed, name);
    if (kind !== null && name !== "remoteler get") {
      ok(isKind(kind));
      for (const one of Array.isArray(printed) ? printed : [printed]) {
        read(resources[kind], one, name);
      }
    }
  }
});

test("get prints each kind as the schema says, alone and in a list", async (site) => {
  for (const [kind, schema] of Object.entries(resources)) {
    const all = JSON.parse(await site.remoteler(["get", kind, "--format=json"]));
    ok(Array.isArray(all) && all.length > 0, `there is no ${kind}`);
    for (const one of all) read(schema, one, kind);
    const { name } = all[0].metadata;
    const one = JSON.parse(await site.remoteler(["get", `${kind}/${name}`, "--format=json"]));
    strictEqual(one.metadata.name, name);
    read(schema, one, kind);
  }
});

test("audit tail prints an object a line, or a document each", async (site) => {
  for (const format of ["json", "yaml"]) {
    const [program = "", ...first] = programs().remoteler;
    const child = new Deno.Command(program, {
      args: [...first, "audit", "tail", `--format=${format}`, "-c", site.auth.configFile],
      stdin: "null",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    let text = "";
    const reading = (async () => {
      for await (const chunk of child.stdout) text += new TextDecoder().decode(chunk);
    })();
    await waitFor("two events are followed", 30_000, async () => {
      await site.remoteler(["tokens", "add", "--type=db", "--services=x"]);
      await delay(100);
      return text.split("join_token.create").length > 2;
    });
    child.kill("SIGINT");
    await reading;
    strictEqual((await child.status).code, 0);
    const events: readonly unknown[] = format === "json"
      ? text.trim().split("\n").map((line): unknown => JSON.parse(line))
      : [...parseAllDocuments(text)].map((document): unknown => document.toJS());
    ok(events.length > 1);
    for (const event of events) {
      ok(event instanceof Object && "code" in event && "uid" in event, text);
    }
  }
});

/** Keys of these are names that people chose. */
const chosen = new Set(["labels"]);

/** The same fields and kinds of values; of lists each element like one of the other's. */
function sameShape(expected: unknown, found: unknown, path: string): void {
  if (expected === null || found === null) return;
  if (Array.isArray(expected) && Array.isArray(found)) {
    ok(expected.length > 0 || found.length === 0, `${path}: the example is empty`);
    found.forEach((one, index) => likeOne(expected, one, `${path}[${index}]`));
  } else if (isRecord(expected) && isRecord(found)) {
    if (chosen.has(path.split(".").at(-1) ?? "")) return;
    deepStrictEqual(Object.keys(found).sort(), Object.keys(expected).sort(), path);
    for (const [key, value] of Object.entries(found)) {
      sameShape(expected[key], value, `${path}.${key}`);
    }
  } else strictEqual(typeof found, typeof expected, path);
}

function likeOne(expected: readonly unknown[], found: unknown, path: string): void {
  const failures: unknown[] = [];
  for (const one of expected) {
    try {
      return sameShape(one, found, path);
    } catch (failure) {
      failures.push(failure);
    }
  }
  throw failures[0];
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
