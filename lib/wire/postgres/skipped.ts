import { fingerprint } from "./fingerprint.ts";
import type { Statement, StatementError, Tap } from "../protocol.ts";
import type { Pending } from "./pending.ts";
import type { Session } from "./session.ts";
import { notRun } from "./tally.ts";

type FailedParse = Extract<Pending, { kind: "parse" }>;

/** What an error in the extended protocol leaves: all up to the next Sync is skipped. */
export class Skipped {
  readonly #session: Session;
  readonly #failed: Pending;
  readonly #error: StatementError;

  constructor(session: Session, failed: Pending, error: StatementError) {
    this.#session = session;
    this.#failed = failed;
    this.#error = error;
    this.#undo(failed);
  }

  /**
   * Ends the pipeline: each skipped statement gets its result. Gives the number of the pipeline.
   */
  resolve(tap: Tap, status: string): number {
    const { pending } = this.#session;
    const passed: Pending[] = [];
    let group = -1;
    let told = false;
    for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
      if (next.kind === "sync") {
        group = next.group;
        break;
      }
      passed.push(next);
      if (!("statement" in next)) continue;
      const own = this.#isOf(next);
      if (own && this.#failed.kind === "parse") {
        told = true;
        tap.result(next.statement.id, notRun("parse_error", this.#error, status));
      } else {
        tap.result(next.statement.id, notRun("skipped", own ? this.#error : null, status));
      }
    }
    for (const item of passed.reverse()) this.#undo(item);
    if (this.#failed.kind === "parse") this.#parseFailed(this.#failed, told, tap, status);
    return group;
  }

  /** Would `item` have run what failed? */
  #isOf(item: Pending): boolean {
    if (item.kind !== "execute" || item.portal === undefined) return false;
    if (this.#failed.kind === "bind") return item.portal === this.#failed.portal;
    return this.#failed.kind === "parse" && item.portal.prepared === this.#failed.prepared;
  }

  #undo(item: Pending): void {
    if (!("change" in item)) return;
    this.#session.names.undo(item.change, this.#session.pending.changes());
  }

  #parseFailed(failed: FailedParse, told: boolean, tap: Tap, status: string): void {
    if ("statement" in failed) {
      tap.result(failed.statement.id, notRun("parse_error", this.#error, status));
    } else if (!told) this.#late(failed.prepared, tap, status);
  }

  /** A Parse that failed and nobody executed is still something that was tried. */
  #late(prepared: { name: string; text: string }, tap: Tap, status: string): void {
    const statement: Statement = {
      id: this.#session.nextId(),
      text: prepared.text,
      command: "prepare",
      statementName: prepared.name,
      portalName: "",
      parameters: [],
      reexecution: false,
      fingerprint: fingerprint(prepared.text),
    };
    tap.lateStatement(statement);
    tap.result(statement.id, notRun("parse_error", this.#error, status));
  }
}
