/** What goes wrong between the built-in shell and a database, whatever protocol it speaks. */
import { Fault } from "../../core/fault.ts";

/** How long a database may take to close after a goodbye. */
export const partingMs = 1_000;
/** How long asking for a statement's end may take. */
export const cancelMs = 5_000;
/** What one text may give back in all; more belongs into a file by the database's own program. */
export const answerBytesMax = 256 << 20;

export function badStatement(message: string): Fault {
  return new Fault({ kind: "invalid", code: "client.bad-statement", message });
}

/** `protocol`: as people call it, "MySQL". */
export function notItsProtocol(protocol: string): Fault {
  return new Fault({
    kind: "protocol",
    code: "client.sql-protocol",
    message: `the answer is not ${protocol}'s protocol`,
    hint: "check --proxy, and that tsh and the cluster are of the same version",
  });
}

export function lost(): Fault {
  return new Fault({
    kind: "network",
    code: "client.sql-lost",
    message: "the connection to the database was lost",
    hint: "connect again",
  });
}

/** `program`: what holds any answer, "psql". */
export function tooMuch(program: string): Fault {
  return new Fault({
    kind: "limit",
    code: "client.sql-too-much",
    message: "the answer is too large to be held here",
    hint: `use LIMIT, or ${program}: tsh db connect NAME`,
  });
}
