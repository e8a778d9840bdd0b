/** One statement through node-postgres, where there is no psql. */
import pg from "pg";
import type { Finished } from "./tools.ts";

/** Runs `text` with libpq's variables in `env`: rows one a line, or what the server said. */
export async function queryThroughDriver(
  env: Readonly<Record<string, string>>,
  text: string,
  user?: string,
): Promise<Finished> {
  const file = (name: string) => Deno.readTextFile(env[name] ?? "");
  const client = new pg.Client({
    host: env["PGHOST"] ?? "",
    port: Number(env["PGPORT"]),
    user: user ?? env["PGUSER"] ?? "",
    database: env["PGDATABASE"] ?? "",
    ssl: {
      ca: await file("PGSSLROOTCERT"),
      cert: await file("PGSSLCERT"),
      key: await file("PGSSLKEY"),
    },
  });
  client.on("error", () => {});
  try {
    await client.connect();
    const result = await client.query({ text, rowMode: "array" });
    const rows = (result.rows ?? []).map((row: unknown[]) => row.join(" | "));
    return { code: 0, stdout: [...rows, result.command].join("\n"), stderr: "" };
  } catch (e) {
    return { code: 1, stdout: "", stderr: e instanceof Error ? `ERROR: ${e.message}` : String(e) };
  } finally {
    await client.end().catch(() => {});
  }
}
