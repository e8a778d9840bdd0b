import { Fault } from "../core/fault.ts";
import {
  type AppendFile,
  changeMode,
  makeDirectory,
  openAppend,
  readRange,
  remove,
  stat,
  syncDirectory,
} from "./files.ts";

/** One directory (0700) of files (0600): all that a spool or log may touch. */
export interface PrivateDirectory {
  /** Regular files, in no order. */
  list(): Promise<readonly { readonly name: string; readonly bytes: number }[]>;
  /** Bytes from `offset` on: `maxBytes`, or fewer where the file ends. */
  read(name: string, offset: number, maxBytes: number): Promise<Uint8Array>;
  /** Opens for appending; makes a missing file. */
  append(name: string): AppendFile;
  remove(name: string): Promise<void>;
  /** Makes the creation and removal of files durable. */
  sync(): Promise<void>;
}

/** Makes the directory where it is missing and takes its other users' rights away. */
export async function privateDirectory(path: string): Promise<PrivateDirectory> {
  await makeDirectory(path);
  const info = await stat(path);
  if (info !== null && (info.mode & 0o077) !== 0) await changeMode(path, 0o700);
  const inside = (name: string): string => {
    if (/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)) return `${path}/${name}`;
    throw new Fault({ kind: "internal", code: "sys.file-name", message: "not a plain file name" });
  };
  return {
    async list() {
      const found: { name: string; bytes: number }[] = [];
      for await (const entry of Deno.readDir(path)) {
        if (!entry.isFile) continue;
        const file = await stat(`${path}/${entry.name}`);
        if (file !== null) found.push({ name: entry.name, bytes: file.bytes });
      }
      return found;
    },
    read: (name, offset, maxBytes) => readRange(inside(name), offset, maxBytes),
    append: (name) => openAppend(inside(name)),
    remove: async (name) => {
      await remove(inside(name));
    },
    sync: () => syncDirectory(path),
  };
}
