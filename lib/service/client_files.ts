/** Files as the user's commands use them. */
import { listDirectory, makeDirectory, readText, remove, writeAtomic } from "../sys/files.ts";

export const clientFiles = {
  readText,
  writePrivate: (path: string, text: string): Promise<void> => writeAtomic(path, text),
  makeDirectory,
  list: listDirectory,
  remove: async (path: string): Promise<void> => void await remove(path, true),
} as const;
