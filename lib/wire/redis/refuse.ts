import type { CommandReply } from "../commands.ts";
import type { Refusal, RefusalKind } from "../protocol.ts";
import { errorReply } from "./resp.ts";

/** The word that an error begins with; clients look at it. */
export const codes: Readonly<Record<RefusalKind, string>> = {
  unauthenticated: "WRONGPASS",
  denied: "NOPERM",
  invalid: "ERR",
  protocol: "ERR",
  target: "ERR",
  network: "ERR",
  limit: "ERR",
  idle: "ERR",
  timeout: "ERR",
  quota: "ERR",
  unavailable: "ERR",
  ended: "ERR",
  internal: "ERR",
};

/** An error reply, with the hint behind the words. */
export function refuse({ kind, message, hint }: Refusal): Uint8Array {
  return errorReply(`${codes[kind]} ${message}${hint === undefined ? "" : `; hint: ${hint}`}`);
}

/** What is recorded of an answer of ours. */
export function saidError(line: string, bytes: Uint8Array): CommandReply {
  const [code = ""] = line.split(" ", 1);
  const error = { code, severity: "", message: line };
  return { type: "error", error, elements: 0, bytes: bytes.length };
}
