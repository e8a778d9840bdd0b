/** Private files (0600) and directories (0700). Failures are Faults with the system's name. */
import { Fault } from "../core/fault.ts";
import { errnoOf } from "./errno.ts";

export interface FileInfo {
  readonly bytes: number;
  readonly isFile: boolean;
  readonly isDirectory: boolean;
  /** Permission bits. */
  readonly mode: number;
  /** Milliseconds since the epoch. */
  readonly modified: number;
}

/** A file that only grows, written synchronously: the hot path is one write(2). */
export interface AppendFile {
  readonly bytes: number;
  /** Writes all of `bytes` at the end; throws where it can't, having written a part perhaps. */
  write(bytes: Uint8Array): void;
  truncate(bytes: number): void;
  /** fsync. */
  sync(): Promise<void>;
  close(): void;
}

/** The whole file; null where it doesn't exist. */
export async function readFile(path: string): Promise<Uint8Array | null> {
  return await unlessMissing(path, () => Deno.readFile(path));
}

/** The whole file as UTF-8 text; null where it doesn't exist. */
export async function readText(path: string): Promise<string | null> {
  return await unlessMissing(path, () => Deno.readTextFile(path));
}

/** Bytes from `offset` on: `maxBytes`, or fewer where the file ends. */
export async function readRange(
  path: string,
  offset: number,
  maxBytes: number,
): Promise<Uint8Array> {
  return await named(path, async () => {
    using file = await Deno.open(path);
    await file.seek(offset, Deno.SeekMode.Start);
    const buffer = new Uint8Array(maxBytes);
    let held = 0;
    while (held < maxBytes) {
      const count = await file.read(buffer.subarray(held));
      if (count === null) break;
      held += count;
    }
    return buffer.subarray(0, held);
  });
}

/** Replaces the file whole or not at all, also in a power cut: temporary name, fsync, rename. */
export async function writeAtomic(
  path: string,
  content: Uint8Array | string,
  mode: number = 0o600,
): Promise<void> {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  await named(path, async () => {
    try {
      {
        using file = await Deno.open(temporary, { write: true, createNew: true, mode });
        for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
        await file.sync();
      }
      await Deno.rename(temporary, path);
    } catch (error) {
      await Deno.remove(temporary).catch(() => {});
      throw error;
    }
    await syncDirectory(path.slice(0, path.lastIndexOf("/") + 1) || ".");
  });
}

/** Makes the directory and those above it, 0700; one that is there is left as it is. */
export async function makeDirectory(path: string): Promise<void> {
  await named(path, () => Deno.mkdir(path, { recursive: true, mode: 0o700 }));
}

/** Names in a directory, sorted; none where it doesn't exist. */
export async function listDirectory(path: string): Promise<readonly string[]> {
  const names = await unlessMissing(path, async () => {
    const found: string[] = [];
    for await (const entry of Deno.readDir(path)) found.push(entry.name);
    return found.sort();
  });
  return names ?? [];
}

/** Removes a file, or with `recursive` a tree; false where it doesn't exist. */
export async function remove(path: string, recursive: boolean = false): Promise<boolean> {
  const done = await unlessMissing(path, async () => {
    await Deno.remove(path, { recursive });
    return true;
  });
  return done ?? false;
}

/** Follows links; null where there is nothing. */
export async function stat(path: string): Promise<FileInfo | null> {
  const info = await unlessMissing(path, () => Deno.stat(path));
  return info === null ? null : {
    bytes: info.size,
    isFile: info.isFile,
    isDirectory: info.isDirectory,
    mode: (info.mode ?? 0) & 0o7777,
    modified: info.mtime?.getTime() ?? 0,
  };
}

export async function changeMode(path: string, mode: number): Promise<void> {
  await named(path, () => Deno.chmod(path, mode));
}

/** Opens for appending; a missing file is made, 0600. */
export function openAppend(path: string): AppendFile {
  const file = namedNow(
    path,
    () => Deno.openSync(path, { append: true, create: true, mode: 0o600 }),
  );
  let size = file.statSync().size;
  return {
    get bytes() {
      return size;
    },
    write: (bytes) =>
      namedNow(path, () => {
        for (let at = 0; at < bytes.length;) {
          const count = file.writeSync(bytes.subarray(at));
          at += count;
          size += count;
        }
      }),
    truncate: (bytes) =>
      namedNow(path, () => {
        file.truncateSync(bytes);
        size = bytes;
      }),
    sync: () => named(path, () => file.sync()),
    close: () => file.close(),
  };
}

/** Makes the creation, renaming and removal of files in it durable. */
export async function syncDirectory(path: string): Promise<void> {
  using directory = await Deno.open(path);
  await directory.sync();
}

async function unlessMissing<T>(path: string, run: () => Promise<T>): Promise<T | null> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw fileFault(path, error);
  }
}

async function named<T>(path: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw fileFault(path, error);
  }
}

function namedNow<T>(path: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw fileFault(path, error);
  }
}

/** `fields.errno` is the system's name (ENOSPC, EACCES, ENOENT). */
function fileFault(path: string, error: unknown): Fault {
  const errno = errnoOf(error);
  return new Fault({
    kind: errno === "ENOENT" ? "missing" : "unavailable",
    code: "sys.file",
    message: `${path}: ${errno}`,
    shown: `can't use ${path}: ${errno}`,
    fields: { errno },
    cause: error,
  });
}
