import { DatabaseSync } from "node:sqlite";

export type SqliteValue = null | number | bigint | string | Uint8Array;

export interface SqliteStatement {
  get(...parameters: SqliteValue[]): Record<string, unknown> | undefined;
  all(...parameters: SqliteValue[]): Record<string, unknown>[];
  run(...parameters: SqliteValue[]): unknown;
}

/** An open database file; calls are synchronous and throw what SQLite says. */
export interface SqliteDatabase {
  exec(sql: string): void;
  prepare(sql: string): SqliteStatement;
  close(): void;
}

/** Opens or creates a database file (0600); `:memory:` is one without a file. */
export function openSqlite(path: string): SqliteDatabase {
  if (path !== ":memory:") {
    Deno.openSync(path, { create: true, write: true, mode: 0o600 }).close();
  }
  const database = new DatabaseSync(path);
  return {
    exec: (sql) => database.exec(sql),
    prepare(sql) {
      const statement = database.prepare(sql);
      return {
        get: (...parameters) => statement.get(...parameters),
        all: (...parameters) => statement.all(...parameters),
        run: (...parameters) => statement.run(...parameters),
      };
    },
    close: () => database.close(),
  };
}
