/** A process that commits without end and says so after each answer, to be killed at any moment. */
import { SteppingClock } from "../../../tests/fakes/clock.ts";
import { openSqlite } from "../../sys/sqlite.ts";
import { sqliteBackend } from "./mod.ts";

const [path = ""] = Deno.args;
const backend = sqliteBackend(openSqlite(path), new SteppingClock());
const encoder = new TextEncoder();
for (let count = 0; count < 1_000_000; count++) {
  const value = encoder.encode(String(count).padStart(2000, "."));
  const result = await backend.commit({ puts: [{ key: ["a"], value }, { key: ["b"], value }] });
  if (result.ok) Deno.stdout.writeSync(encoder.encode(`${result.revision}\n`));
}
