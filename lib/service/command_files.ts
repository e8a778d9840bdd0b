/** Files as the administrator's commands use them. */
import { Fault } from "../core/fault.ts";
import { makeDirectory, readText, remove, stat, writeAtomic } from "../sys/files.ts";

export const commandFiles = {
  async readText(path: string): Promise<string> {
    const text = await readText(path);
    if (text !== null) return text;
    throw new Fault({
      kind: "missing",
      code: "service.no-file",
      message: `there is no file ${path}`,
    });
  },
  async writeText(
    path: string,
    text: string,
    { mode, replace }: { readonly mode: number; readonly replace: boolean },
  ): Promise<void> {
    if (!replace && await stat(path) !== null) {
      throw new Fault({
        kind: "conflict",
        code: "service.file-exists",
        message: `${path} is there already`,
        hint: "name another file, or replace it with --force",
      });
    }
    await writeAtomic(path, text, mode);
  },
  exists: async (path: string): Promise<boolean> => await stat(path) !== null,
  makeDirectory,
  remove: async (path: string): Promise<void> => void await remove(path),
} as const;
