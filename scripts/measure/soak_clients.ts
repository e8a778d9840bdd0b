/**
 * Sessions that come and go: `soak_clients.ts ENV`, libpq's variables as JSON. `run SECONDS RATE`
 * opens so many a second; the answer counts what they did and what went wrong.
 */
import { errorText, type Message, message, RawClient } from "../../tests/postgres/raw_client.ts";
import { delay } from "../lab/tools.ts";
import { answerLines } from "./companion.ts";

const env: Readonly<Record<string, string>> = JSON.parse(Deno.args[0] ?? "{}");
const protocol3 = 196608;
/** Sessions at the same time; a slow machine opens fewer a second. */
const atOnceMax = 32;
const counts = { sessions: 0, statements: 0, copies: 0, cancels: 0, vanished: 0 };
const failures: string[] = [];

await answerLines(async (line) => {
  const [, seconds = 0, rate = 1] = line.split(" ").map(Number);
  const open = new Set<Promise<void>>();
  const until = performance.now() + seconds * 1000;
  for (let number = 1; performance.now() < until; number++) {
    await delay(1000 / rate);
    if (open.size >= atOnceMax) await Promise.race(open);
    const one = session(number).catch((e) => void failures.push(String(e).slice(0, 200)))
      .finally(() => open.delete(one));
    open.add(one);
  }
  await Promise.all(open);
  return { ...counts, failures: failures.length, examples: failures.slice(0, 5) };
});
Deno.exit(0);

async function session(number: number): Promise<void> {
  const { client, greeting } = await RawClient.greeted(env, protocol3);
  counts.sessions++;
  try {
    for (let i = 1; i <= 5; i++) {
      await client.query(`select ${i}, repeat('x', ${number % 1000})`);
      counts.statements++;
      await delay(20);
    }
    if (number % 4 === 0) await copyOut(client);
    if (number % 5 === 0) await cancelled(client, greeting);
    // Some leave without a word.
    if (number % 7 === 0) counts.vanished++;
    else await client.send(message("X"));
  } finally {
    client.close();
  }
}

async function copyOut(client: RawClient): Promise<void> {
  const rows = "select n, repeat('y', 100) from generate_series(1, 5000) n";
  await client.send(message("Q", `copy (${rows}) to stdout\0`));
  const got = (await client.until("Z")).filter(({ type }) => type === "d").length;
  if (got !== 5000) throw new Error(`COPY gave ${got} rows`);
  counts.copies++;
}

/** A long statement, ended through a connection of its own. */
async function cancelled(client: RawClient, greeting: readonly Message[]): Promise<void> {
  const key = greeting.find(({ type }) => type === "K")?.body;
  if (key === undefined) throw new Error("no key to cancel with");
  await client.send(message("Q", "select pg_sleep(30)\0"));
  await delay(50);
  const request = new Uint8Array(8 + key.length);
  const view = new DataView(request.buffer);
  view.setInt32(0, request.length);
  view.setInt32(4, 80877102);
  request.set(key, 8);
  const other = await RawClient.connect(env);
  await other.send(request);
  await other.next();
  other.close();
  const error = (await client.until("Z")).find(({ type }) => type === "E");
  if (error === undefined || !errorText(error).includes("57014")) {
    throw new Error("a cancelled statement ended otherwise");
  }
  counts.cancels++;
}
