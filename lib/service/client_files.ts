/** Files as the user's commands use them, loaded with the first one. */
const files = () => import("../sys/files.ts");

export const clientFiles = {
  readText: async (path: string): Promise<string | null> => await (await files()).readText(path),
  writePrivate: async (path: string, text: string): Promise<void> =>
    await (await files()).writeAtomic(path, text),
  makeDirectory: async (path: string): Promise<void> => await (await files()).makeDirectory(path),
  list: async (path: string): Promise<readonly string[]> =>
    await (await files()).listDirectory(path),
  remove: async (path: string): Promise<void> => void await (await files()).remove(path, true),
} as const;
