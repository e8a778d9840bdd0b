/**
 * State in one SQLite file, the default. Only Auth opens it: the file is locked for as long as it
 * is open, since a second writer would block the event loop. A commit that was answered survives a
 * power cut (WAL, synchronous FULL), unless it says that it may be lost.
 */
import type { Backend, Revision } from "../../core/backend.ts";
import type { Clock, EpochMs } from "../../core/clock.ts";
import { Fault } from "../../core/fault.ts";
import {
  type Item,
  type ItemNews,
  type ItemRange,
  type ItemTable,
  revisionOf,
  TableBackend,
} from "../table_backend.ts";

export type SqliteValue = null | number | bigint | string | Uint8Array;

/** A prepared statement, as node:sqlite has it. */
export interface SqliteStatement {
  get(...parameters: SqliteValue[]): Record<string, unknown> | undefined;
  all(...parameters: SqliteValue[]): Record<string, unknown>[];
  run(...parameters: SqliteValue[]): unknown;
}

/** An open database, as `lib/sys/sqlite` hands it in. */
export interface SqliteDatabase {
  exec(sql: string): void;
  prepare(sql: string): SqliteStatement;
  close(): void;
}

const schemaVersion = 1;

const schema = `
  CREATE TABLE item (
    key BLOB PRIMARY KEY NOT NULL,
    value BLOB NOT NULL,
    revision INTEGER NOT NULL,
    expires INTEGER
  ) STRICT;
  CREATE INDEX item_expires ON item (expires) WHERE expires IS NOT NULL;
  CREATE TABLE counter (revision INTEGER NOT NULL) STRICT;
  INSERT INTO counter VALUES (0);
  PRAGMA user_version = ${schemaVersion};
`;

/**
 * Takes the database over, and closes it on `close`. Throws a Fault `backend.locked` (another
 * process
 * has it open), `backend.too-new` (made by a later version), `backend.failed`.
 */
export function sqliteBackend(database: SqliteDatabase, clock: Clock): Backend {
  return new TableBackend(guard("open", () => new SqliteTable(database)), clock);
}

class SqliteTable implements ItemTable {
  readonly #database: SqliteDatabase;
  readonly #get: SqliteStatement;
  readonly #range: SqliteStatement;
  readonly #news: SqliteStatement;
  readonly #put: SqliteStatement;
  readonly #delete: SqliteStatement;
  readonly #expired: SqliteStatement;
  readonly #next: SqliteStatement;
  readonly #count: SqliteStatement;
  #revision: Revision;
  #isCareful = true;

  constructor(database: SqliteDatabase) {
    this.#database = database;
    prepareFile(database);
    const columns = "key, value, revision, expires";
    this.#get = database.prepare(`SELECT ${columns} FROM item WHERE key = ?`);
    const within =
      "WHERE key >= ? AND key < ? AND (expires IS NULL OR expires > ?) ORDER BY key LIMIT ?";
    this.#range = database.prepare(`SELECT ${columns} FROM item ${within}`);
    this.#news = database.prepare(
      `SELECT key, CASE WHEN revision > ? THEN value END AS value, revision, expires
       FROM item ${within}`,
    );
    this.#put = database.prepare(
      `INSERT INTO item (${columns}) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE
       SET value = excluded.value, revision = excluded.revision, expires = excluded.expires`,
    );
    this.#delete = database.prepare("DELETE FROM item WHERE key = ?");
    this.#expired = database.prepare(
      "SELECT key FROM item WHERE expires IS NOT NULL AND expires <= ? ORDER BY expires LIMIT ?",
    );
    this.#next = database.prepare(
      "SELECT expires FROM item WHERE expires IS NOT NULL ORDER BY expires LIMIT 1",
    );
    this.#count = database.prepare("UPDATE counter SET revision = ?");
    const found = database.prepare("SELECT revision FROM counter").get();
    this.#revision = revisionOf(BigInt(numberIn(found, "revision")));
  }

  revision(): Revision {
    return this.#revision;
  }

  get(key: Uint8Array): Item | null {
    const row = guard("read", () => this.#get.get(key));
    return row === undefined ? null : itemOf(row);
  }

  range({ from, end, limit, now }: ItemRange): readonly Item[] {
    return guard("read", () => this.#range.all(from, end, now, limit)).map(itemOf);
  }

  news({ from, end, limit, now }: ItemRange, known: Revision): readonly ItemNews[] {
    return guard("read", () => this.#news.all(known, from, end, now, limit)).map((row) =>
      row["value"] === null ? { ...markOf(row), value: null } : itemOf(row)
    );
  }

  write(
    revision: Revision,
    puts: readonly Item[],
    deletes: readonly Uint8Array[],
    mayBeLost: boolean,
  ): void {
    guard("write", () => {
      this.#careful(!mayBeLost);
      this.#database.exec("BEGIN IMMEDIATE");
      try {
        for (const item of puts) {
          this.#put.run(item.key, item.value, item.revision, item.expires);
        }
        for (const key of deletes) this.#delete.run(key);
        this.#count.run(revision);
        this.#database.exec("COMMIT");
      } catch (error) {
        this.#rollBack();
        throw error;
      }
    });
    this.#revision = revision;
  }

  expired(now: EpochMs, limit: number): readonly Uint8Array[] {
    return guard("read", () => this.#expired.all(now, limit)).map((row) => bytesIn(row, "key"));
  }

  nextExpiry(): EpochMs | null {
    const row = guard("read", () => this.#next.get());
    return row === undefined ? null : numberIn(row, "expires");
  }

  close(): void {
    guard("close", () => this.#database.close());
  }

  /** In between, the next careful commit also keeps what was written before it. */
  #careful(isCareful: boolean): void {
    if (this.#isCareful === isCareful) return;
    this.#database.exec(`PRAGMA synchronous = ${isCareful ? "FULL" : "NORMAL"}`);
    this.#isCareful = isCareful;
  }

  /** SQLite itself rolls back after some failures (disk full); a second time is an error then. */
  #rollBack(): void {
    try {
      this.#database.exec("ROLLBACK");
    } catch {
      // Already rolled back: the failure that led here is the one to report.
    }
  }
}

function prepareFile(database: SqliteDatabase): void {
  database.exec(
    "PRAGMA locking_mode = EXCLUSIVE; PRAGMA busy_timeout = 0; PRAGMA journal_mode = WAL;" +
      "PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF; PRAGMA secure_delete = ON",
  );
  const version = numberIn(database.prepare("PRAGMA user_version").get(), "user_version");
  if (version === schemaVersion) {
    // The lock is taken by a write, not by opening.
    database.exec("BEGIN IMMEDIATE; COMMIT");
    return;
  }
  if (version !== 0) {
    throw new Fault({
      kind: "unavailable",
      code: "backend.too-new",
      message: `the state file has schema ${version}, this version knows ${schemaVersion}`,
      hint: "start the version that wrote it, or a later one",
    });
  }
  database.exec(`BEGIN IMMEDIATE; ${schema} COMMIT`);
}

function itemOf(row: Record<string, unknown>): Item {
  return { ...markOf(row), value: bytesIn(row, "value") };
}

/** An item but for its value. */
function markOf(row: Record<string, unknown>): Omit<Item, "value"> {
  return {
    key: bytesIn(row, "key"),
    revision: revisionOf(BigInt(numberIn(row, "revision"))),
    expires: row["expires"] === null ? null : numberIn(row, "expires"),
  };
}

function numberIn(row: Record<string, unknown> | undefined, column: string): number {
  const value = row?.[column];
  if (typeof value === "number") return value;
  throw failed("read", new TypeError(`column ${column} is no number`));
}

function bytesIn(row: Record<string, unknown>, column: string): Uint8Array {
  const value = row[column];
  if (value instanceof Uint8Array) return value;
  throw failed("read", new TypeError(`column ${column} is no blob`));
}

/** Gives the library's errors a code; its messages hold SQL and paths but no values. */
function guard<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof Fault ? error : failed(what, error);
  }
}

function failed(what: string, cause: unknown): Fault {
  const text = cause instanceof Error ? cause.message : String(cause);
  if (/database is locked/.test(text)) {
    return new Fault({
      kind: "unavailable",
      code: "backend.locked",
      message: "the state file is open in another process",
      hint: "one Auth Service only may use a data_dir; stop the other one",
      cause,
    });
  }
  return new Fault({
    kind: "unavailable",
    code: "backend.failed",
    message: `can't ${what} the state file: ${text}`,
    cause,
  });
}
