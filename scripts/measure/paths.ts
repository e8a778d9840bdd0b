/** Starts the ways to the database, and makes sure that they speak the same TLS. */
import { databaseName, databaseUser, type Ground, nativePath, tshPath } from "./ground.ts";
import type { SharedLab } from "./lab.ts";
import { isMissing, type Missing, type Path, type PathName, pathNames } from "./path.ts";
import { startChisel, startForwarder, startPgbouncer, startStunnel } from "./peers.ts";
import { compareTls, tlsOf, type TlsSeen } from "./tls_check.ts";

/** Those of `wanted` that can be had; why another one can't is said. */
export async function startPaths(
  lab: SharedLab,
  ground: Ground,
  wanted: ReadonlySet<PathName>,
): Promise<{ readonly paths: readonly Path[]; stop(): Promise<void> }> {
  const { say } = lab;
  const peer = {
    dir: ground.dir,
    authority: ground.authority,
    postgresPort: ground.postgres.port,
    databaseUser,
    databaseName,
    direct: ground.direct,
    say,
  };
  const start: Readonly<Record<PathName, () => Promise<Path | Missing>>> = {
    direct: () => Promise.resolve(directPath(ground)),
    native: async () => {
      const { site, person } = await lab.product();
      return await nativePath(site, person);
    },
    tsh: async () => {
      const { site, person } = await lab.product();
      return await tshPath(site, person);
    },
    forwarder: () => startForwarder(peer),
    pgbouncer: () => startPgbouncer(peer),
    stunnel: () => startStunnel(peer),
    chisel: () => startChisel(peer),
  };
  const paths: Path[] = [];
  const stop = async (): Promise<void> => {
    for (const path of paths) await path.stop();
  };
  try {
    for (const name of pathNames) {
      if (!wanted.has(name)) continue;
      const path = await start[name]();
      if (isMissing(path)) say(`not measured: ${path.name}: ${path.why}`);
      else paths.push(path);
    }
    await checkTls(ground, paths);
  } catch (e) {
    await stop();
    throw e;
  }
  return { paths, stop };
}

function directPath({ direct }: Ground): Path {
  return {
    name: "direct",
    env: direct,
    pids: [],
    clientTls: true,
    stop: () => Promise.resolve(),
  };
}

/** Throws unless all use the TLS of the direct connection. */
async function checkTls(ground: Ground, paths: readonly Path[]): Promise<void> {
  let direct: TlsSeen | null = null;
  for (const path of paths) {
    const seen = await tlsOf(ground.bin, path);
    direct ??= seen;
    compareTls(path, seen, direct);
  }
}
