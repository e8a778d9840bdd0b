import type { LoginRequest } from "../protocol.ts";

const unitMs: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
/** The largest the server takes (guc_tables.c). */
const timeoutMsMax = 2_147_483_647;

/**
 * Startup parameters with the decided limits in them, over what the client asked; a shorter
 * timeout of its own is kept. ("Client Connection Defaults")
 */
export function withLimits(
  asked: ReadonlyMap<string, string>,
  limits: LoginRequest["limits"],
): ReadonlyMap<string, string> {
  if (limits === undefined) return asked;
  const own = new Map<string, string>();
  if (limits.readOnly) own.set("default_transaction_read_only", "on");
  const { statementMs } = limits;
  if (statementMs !== null) {
    const client = [...asked].find(([name]) => name.toLowerCase() === "statement_timeout")?.[1];
    const isShorter = client !== undefined && within(client, statementMs);
    if (!isShorter) own.set("statement_timeout", String(Math.min(statementMs, timeoutMsMax)));
  }
  return new Map([...[...asked].filter(([name]) => !own.has(name.toLowerCase())), ...own]);
}

/** Whether a timeout as PostgreSQL reads it ends before `ms`; 0 is none. ("Setting Parameters") */
function within(text: string, ms: number): boolean {
  const found = /^\s*(\d{1,10}(?:\.\d{1,6})?)\s*(us|ms|s|min|h|d)?\s*$/.exec(text);
  const asked = Number(found?.[1]) * (unitMs[found?.[2] ?? "ms"] ?? 0);
  return asked >= 1 && asked <= ms;
}
