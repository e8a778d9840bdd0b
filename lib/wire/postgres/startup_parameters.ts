import { ClientRefused } from "../client_refused.ts";

/**
 * Startup parameters that go to the database. All others are refused by name: some set who one is
 * (role, session_authorization), where names are looked up (search_path, as in pgbouncer's
 * CVE-2025-12819), or anything at all (options). `SET` is still there for who may use it, and is
 * then in the audit log.
 */
const allowed: ReadonlySet<string> = new Set([
  "application_name",
  "bytea_output",
  "client_encoding",
  "client_min_messages",
  "datestyle",
  "default_transaction_isolation",
  "default_transaction_read_only",
  "extra_float_digits",
  "geqo",
  "idle_in_transaction_session_timeout",
  "idle_session_timeout",
  "intervalstyle",
  "jit",
  "lock_timeout",
  "standard_conforming_strings",
  "statement_timeout",
  "timezone",
]);

/** Those that libpq or others may send empty, which then ask for nothing. */
const emptyMeansNothing: ReadonlySet<string> = new Set(["options", "replication"]);
/** What replication may say and not be asking for it. */
const notReplication: ReadonlySet<string> = new Set(["false", "off", "no", "0"]);

/** Whether the connection is for replication, physical or logical. ("Streaming Replication") */
export function asksReplication(asked: ReadonlyMap<string, string>): boolean {
  return [...asked].some(([name, value]) =>
    name.toLowerCase() === "replication" && value !== "" && !notReplication.has(value)
  );
}

/**
 * The parameters to forward, `replication` where it is allowed. Throws {@linkcode ClientRefused}
 * that names what is not allowed.
 */
export function forwardedParameters(
  asked: ReadonlyMap<string, string>,
  replication: boolean,
): ReadonlyMap<string, string> {
  const forwarded = new Map<string, string>();
  for (const [name, value] of asked) {
    const lower = name.toLowerCase();
    const isReplication = lower === "replication" && !notReplication.has(value) && value !== "";
    if (allowed.has(lower) || (isReplication && replication)) {
      forwarded.set(name, value);
    } else if (isReplication) {
      throw refused("replication connections are not allowed through", undefined);
    } else if (lower === "replication" || (emptyMeansNothing.has(lower) && value === "")) {
      continue;
    } else if (lower === "options") {
      throw refused(
        'the startup parameter "options" is not allowed through',
        "unset PGOPTIONS and use SET after connecting",
      );
    } else {
      throw refused(
        `the startup parameter "${printable(name)}" is not allowed through`,
        "leave it out and use SET after connecting",
      );
    }
  }
  return forwarded;
}

function refused(message: string, hint: string | undefined): ClientRefused {
  const words = hint === undefined ? { message } : { message, hint };
  return new ClientRefused("postgres", { kind: "invalid", ...words });
}

/** A parameter's name is the client's: cut and without what could disturb a terminal. */
function printable(name: string): string {
  return name.slice(0, 63).replace(/[^\x20-\x7e]/g, "?");
}
