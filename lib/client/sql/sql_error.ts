import type { SqlResult } from "./result.ts";

/** An error that the database (or the way to it, in its words) answered with. */
export class SqlError extends Error {
  override readonly name = "SqlError";
  readonly fields: ReadonlyMap<string, string>;
  /** What the statements before it in the same text gave. */
  readonly before: readonly SqlResult[];

  constructor(fields: ReadonlyMap<string, string>, before: readonly SqlResult[] = []) {
    super(fields.get("M") ?? "unknown error");
    this.fields = fields;
    this.before = before;
  }

  /** SQLSTATE. */
  get code(): string {
    return this.fields.get("C") ?? "";
  }

  /** The session is over. */
  get isFatal(): boolean {
    return ["FATAL", "PANIC"].includes(this.fields.get("V") ?? this.fields.get("S") ?? "");
  }
}

/** An error or notice in lines, as psql draws them, with its SQLSTATE. */
export function noticeLines(fields: ReadonlyMap<string, string>): readonly string[] {
  const code = fields.get("C");
  const isError = code !== undefined && code !== "00000";
  const lines = [
    `${fields.get("S") ?? "ERROR"}:  ${fields.get("M") ?? ""}${isError ? ` (${code})` : ""}`,
  ];
  const [detail, hint, position] = [fields.get("D"), fields.get("H"), fields.get("P")];
  if (detail !== undefined) lines.push(`DETAIL:  ${detail}`);
  if (hint !== undefined) lines.push(`HINT:  ${hint}`);
  if (position !== undefined) lines.push(`AT:  character ${position}`);
  return lines.flatMap((line) => line.split("\n"));
}
