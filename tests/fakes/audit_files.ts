import type { AppendFile, AuditFileInfo, AuditFiles } from "../../lib/audit/files.ts";

/** A directory in memory whose disk can be full, slow to sync, or broken. */
export class MemoryFiles implements AuditFiles {
  readonly contents = new Map<string, Uint8Array>();
  /** Bytes that all files may hold together; a write beyond writes what fits and throws. */
  roomBytes = Infinity;
  /** Thrown by every fsync while set. */
  syncError: Error | null = null;
  /** Called at each read, once its bytes are taken: what happens meanwhile. */
  reading: () => void = () => {};
  writes = 0;
  syncs = 0;

  get bytes(): number {
    return [...this.contents.values()].reduce((sum, each) => sum + each.length, 0);
  }

  /** The state that a kill leaves: all that was written, whatever was synced. */
  copy(): MemoryFiles {
    const copy = new MemoryFiles();
    for (const [name, bytes] of this.contents) copy.contents.set(name, bytes.slice());
    return copy;
  }

  list(): Promise<readonly AuditFileInfo[]> {
    return Promise.resolve(
      [...this.contents].map(([name, bytes]) => ({ name, bytes: bytes.length })).reverse(),
    );
  }

  read(name: string, offset: number, maxBytes: number): Promise<Uint8Array> {
    const bytes = this.contents.get(name);
    if (bytes === undefined) return Promise.reject(new Error(`no file ${name}`));
    const read = bytes.slice(offset, offset + maxBytes);
    this.reading();
    return Promise.resolve(read);
  }

  append(name: string): AppendFile {
    if (!this.contents.has(name)) this.contents.set(name, new Uint8Array());
    return new MemoryFile(this, name);
  }

  remove(name: string): Promise<void> {
    this.contents.delete(name);
    return Promise.resolve();
  }

  sync(): Promise<void> {
    this.syncs += 1;
    return this.syncError === null ? Promise.resolve() : Promise.reject(this.syncError);
  }
}

/** Grows by doubling, so that appending many lines costs little. */
class MemoryFile implements AppendFile {
  readonly #disk: MemoryFiles;
  readonly #name: string;
  #closed = false;

  constructor(disk: MemoryFiles, name: string) {
    this.#disk = disk;
    this.#name = name;
  }

  get bytes(): number {
    return this.#content.length;
  }

  get #content(): Uint8Array {
    return this.#disk.contents.get(this.#name) ?? new Uint8Array();
  }

  write(bytes: Uint8Array): void {
    if (this.#closed) throw new Error("the file is closed");
    this.#disk.writes += 1;
    const limited = this.#disk.roomBytes !== Infinity;
    const fits = limited ? Math.max(0, this.#disk.roomBytes - this.#disk.bytes) : bytes.length;
    this.#append(bytes.subarray(0, fits));
    if (fits < bytes.length) throw new Error("ENOSPC: no space left on device");
  }

  #append(bytes: Uint8Array): void {
    const before = this.#content;
    const length = before.length + bytes.length;
    let room = before.buffer;
    if (room.byteLength < length) {
      room = new ArrayBuffer(Math.max(length, room.byteLength * 2, 4096));
      new Uint8Array(room).set(before);
    }
    const after = new Uint8Array(room, 0, length);
    after.set(bytes, before.length);
    this.#disk.contents.set(this.#name, after);
  }

  truncate(bytes: number): void {
    this.#disk.contents.set(this.#name, this.#content.slice(0, bytes));
  }

  sync(): Promise<void> {
    return this.#disk.sync();
  }

  close(): void {
    this.#closed = true;
  }
}
