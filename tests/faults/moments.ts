/** Four kinds of work that a fault can hit in the middle, and what may be seen of each after. */
import { delay } from "../../scripts/lab/tools.ts";
import { type Env, errorText, message, RawClient } from "../postgres/raw_client.ts";

/** How a piece of work ended, as its client saw it. */
export interface Outcome {
  /** "done": every answer came, and each said that it was well. */
  readonly seen: "done" | "error";
  readonly said: string;
  /** What doesn't add up in the answers themselves; empty when all does. */
  readonly problem: string;
  /** Rows that the server had said are stored, and all that might be. */
  readonly stored: number;
  readonly most: number;
}

/** Work that stands in its middle. */
export interface Running {
  readonly client: RawClient;
  /** Sends what is left, reads to the end. Never throws. */
  finish(): Promise<Outcome>;
  /** Sends nothing more. */
  quiet(): void;
}

export interface Moment {
  readonly name: string;
  /** Rows come all at once or not at all. */
  readonly atomic: boolean;
  /** It goes on only when its client does. */
  readonly waits: boolean;
  begin(env: Env, tag: string): Promise<Running>;
}

/** Where the work leaves its rows. */
export const momentTable = "create table moment (tag text, n int, filler text)";

const copyOutRows = 2400;
const pipelineRows = 40;
const end = "\0";

export const moments: readonly Moment[] = [
  { name: "copy in", atomic: true, waits: true, begin: copyIn },
  { name: "copy out", atomic: true, waits: true, begin: copyOut },
  { name: "pipeline", atomic: false, waits: false, begin: pipeline },
  { name: "transaction", atomic: true, waits: true, begin: transaction },
];

/** A comment by which server and audit log tell the statements of this run from others. */
export function marked(tag: string, statement: string): string {
  return `${statement} /* moment ${tag} */`;
}

async function copyIn(env: Env, tag: string): Promise<Running> {
  const client = await RawClient.login(env);
  await client.send(message("Q", marked(tag, "copy moment from stdin"), end));
  await client.until("G");
  let isQuiet = false;
  let sent = 0;
  // Rows flow at a steady pace, so that the fault finds some at each place of the way.
  const pump = (async () => {
    while (!isQuiet) {
      await client.send(message("d", `${tag}\t${sent + 1}\t${"x".repeat(900)}\n`));
      sent++;
      await delay(2);
    }
  })().catch(() => {});
  return {
    client,
    quiet: () => {
      isQuiet = true;
    },
    async finish() {
      isQuiet = true;
      await pump;
      await client.send(message("c")).catch(() => {});
      const answers = await answersOf(client, 1);
      return { ...answers, problem: "", stored: answers.seen === "done" ? sent : 0, most: sent };
    },
  };
}

async function copyOut(env: Env, tag: string): Promise<Running> {
  const client = await RawClient.login(env);
  const rows = `select g, repeat('x', 10000) from generate_series(1, ${copyOutRows}) g`;
  await client.send(message("Q", marked(tag, `copy (${rows}) to stdout`), end));
  await client.until("d");
  return {
    client,
    quiet: () => {},
    async finish() {
      const { seen, said, counts } = await answersOf(client, 1);
      const got = (counts.get("d") ?? 0) + 1;
      const isHalf = (counts.get("C") ?? 0) > 0 && got !== copyOutRows;
      const problem = isHalf ? `${got} of ${copyOutRows} rows, and no error` : "";
      return { seen, said, problem, stored: 0, most: 0 };
    },
  };
}

async function pipeline(env: Env, tag: string): Promise<Running> {
  const client = await RawClient.login(env);
  const bind = new Uint8Array(8);
  const execute = new Uint8Array(5);
  for (let n = 1; n <= pipelineRows; n++) {
    const text = marked(tag, `insert into moment select '${tag}', ${n} from pg_sleep(0.05)`);
    await client.send(
      message("P", end, text, end, Uint8Array.of(0, 0)),
      message("B", bind),
      message("E", execute),
      message("S"),
    );
  }
  await client.until("Z");
  return {
    client,
    quiet: () => {},
    async finish() {
      const { seen, said, counts } = await answersOf(client, pipelineRows - 1);
      const stored = (counts.get("C") ?? 0) + 1;
      const problem = seen === "done" && stored !== pipelineRows ? `only ${stored} results` : "";
      // A result is final with the ReadyForQuery behind it.
      return { seen, said, problem, stored: (counts.get("Z") ?? 0) + 1, most: pipelineRows };
    },
  };
}

async function transaction(env: Env, tag: string): Promise<Running> {
  const client = await RawClient.login(env);
  const insert = (n: number) => marked(tag, `insert into moment values ('${tag}', ${n})`);
  await client.query(marked(tag, "begin"));
  await client.query(insert(1));
  return {
    client,
    quiet: () => {},
    async finish() {
      try {
        await client.query(insert(2));
        await client.query(marked(tag, "commit"));
        return { seen: "done", said: "", problem: "", stored: 2, most: 2 };
      } catch (e) {
        const said = e instanceof Error ? e.message : String(e);
        return { seen: "error", said, problem: "", stored: 0, most: 2 };
      }
    },
  };
}

interface Answers {
  readonly seen: "done" | "error";
  readonly said: string;
  readonly counts: ReadonlyMap<string, number>;
}

/** Reads up to this many ReadyForQuery, an error that ends the work, or the end of the stream. */
async function answersOf(client: RawClient, cycles: number): Promise<Answers> {
  const counts = new Map<string, number>();
  let said = "";
  while ((counts.get("Z") ?? 0) < cycles) {
    const next = await client.next();
    if (next === null) return { seen: "error", said: said || "the end", counts };
    if (next.type === "E") said = errorText(next);
    else if (said === "" || next.type === "Z") {
      counts.set(next.type, (counts.get(next.type) ?? 0) + 1);
    }
    if (said !== "" && next.type === "Z") break;
  }
  return { seen: said === "" ? "done" : "error", said, counts };
}
