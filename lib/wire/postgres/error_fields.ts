import { anyText } from "../text.ts";
import type { StatementError } from "../protocol.ts";

/** What an ErrorResponse says; fields the server left out are empty. */
export interface ErrorFields {
  /** ERROR, FATAL or PANIC; not translated where the server tells (field V). */
  readonly severity: string;
  /** SQLSTATE. */
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  /** Position in the query text in characters from 1; 0 where not told. */
  readonly position: number;
  readonly internalQuery: string;
  readonly context: string;
  /** Source file and routine of the server. */
  readonly file: string;
  readonly routine: string;
}

/**
 * Reads an ErrorResponse's body, possibly cut. Leniently: databases and poolers leave out fields,
 * and what is wrong here must not hide the error itself. ("Error and Notice Message Fields")
 */
export function readErrorFields(body: Uint8Array): ErrorFields {
  const fields = new Map<number, string>();
  for (let at = 0; at < body.length;) {
    const type = body[at] ?? 0;
    if (type === 0) break;
    const nul = body.indexOf(0, at + 1);
    const end = nul < 0 ? body.length : nul;
    if (!fields.has(type)) fields.set(type, anyText(body.subarray(at + 1, end)));
    at = end + 1;
  }
  const get = (type: string): string => fields.get(type.charCodeAt(0)) ?? "";
  return {
    severity: get("V") || get("S") || "ERROR",
    code: get("C"),
    message: get("M"),
    hint: get("H"),
    position: Number.parseInt(get("P"), 10) || 0,
    internalQuery: get("q"),
    context: get("W"),
    file: get("F"),
    routine: get("R"),
  };
}

/** FATAL or PANIC: the server ends the session after it. */
export function isFatal(fields: ErrorFields): boolean {
  return fields.severity === "FATAL" || fields.severity === "PANIC";
}

export function statementError(fields: ErrorFields): StatementError {
  return { code: fields.code, severity: fields.severity, message: fields.message };
}
