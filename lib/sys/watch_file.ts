import * as fs from "node:fs";

/**
 * Calls `changed` after a file's content may have changed, looking each `periodMs`: renames over
 * links, as certificate tools and orchestrators do them, are seen too. Gives what ends it.
 */
export function watchFile(path: string, periodMs: number, changed: () => void): () => void {
  const listener = (now: fs.Stats, before: fs.Stats) => {
    if (now.mtimeMs !== before.mtimeMs || now.ino !== before.ino || now.size !== before.size) {
      changed();
    }
  };
  fs.watchFile(path, { interval: periodMs, persistent: false }, listener);
  return () => fs.unwatchFile(path, listener);
}
