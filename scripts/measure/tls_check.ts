/** Every path must use the same TLS version and cipher, or the numbers compare something else. */
import { join } from "../lab/paths.ts";
import { must } from "../lab/tools.ts";
import type { Path } from "./path.ts";

/** What the client sees and what the database sees, as "TLSv1.3 TLS_AES_256_GCM_SHA384". */
export interface TlsSeen {
  readonly client: string | null;
  readonly database: string;
}

export async function tlsOf(bin: string, path: Path): Promise<TlsSeen> {
  const query = "SELECT version || ' ' || cipher FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
  const said = await must(join(bin, "psql"), ["-X", "-At", "-c", "\\conninfo", "-c", query], {
    env: path.env,
    timeoutMs: 30_000,
  });
  const client = /protocol: (TLSv[\d.]+), cipher: ([A-Z0-9_-]+)/.exec(said);
  const database = said.trim().split("\n").at(-1) ?? "";
  return { client: client ? `${client[1]} ${client[2]}` : null, database };
}

/** Throws where a path's TLS isn't that of the direct connection. */
export function compareTls(path: Path, seen: TlsSeen, direct: TlsSeen): void {
  const client = path.clientTls ? direct.client : null;
  if (seen.client === client && seen.database === direct.database) return;
  throw new Error(
    `${path.name} uses ${seen.client ?? "no TLS"} and ${seen.database}, ` +
      `direct uses ${direct.client} and ${direct.database}`,
  );
}
