/** Files as the administrator's commands use them, loaded with the first one. */
import { Fault } from "../core/fault.ts";

const files = () => import("../sys/files.ts");

export const commandFiles = {
  async readText(path: string): Promise<string> {
    const text = await (await files()).readText(path);
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
    const { stat, writeAtomic } = await files();
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
  exists: async (path: string): Promise<boolean> => await (await files()).stat(path) !== null,
  makeDirectory: async (path: string): Promise<void> => await (await files()).makeDirectory(path),
  remove: async (path: string): Promise<void> => void await (await files()).remove(path),
} as const;
