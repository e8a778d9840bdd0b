/** Which cluster a command is about: found by `--config`, the environment, or the usual place. */
import type { AuthClient } from "../api/contract.ts";
import { text } from "../cli/mod.ts";
import { type Config, configFault, loadConfig, writeAddress } from "../config/mod.ts";
import { Fault } from "../core/fault.ts";
import type { AdminPowers } from "./powers.ts";

/** Options that every command takes that speaks to Auth. */
export const siteOptions = {
  config: text({
    help: "configuration file (default REMOTELER_CONFIG, then /etc/remoteler.yaml)",
    short: "c",
    value: "FILE",
  }),
  "data-dir": text({ help: "data folder of the Auth Service, in place of a file", value: "DIR" }),
} as const;

export interface SiteChoice {
  readonly config: string | null;
  readonly "data-dir": string | null;
}

/** Where it was looked for last. */
export const usualFile = "/etc/remoteler.yaml";

export interface LoadedFile {
  readonly file: string;
  readonly config: Config;
  readonly lineOf: (path: readonly (string | number)[]) => number;
}

/** Reads the configuration; faults `config.not-found`, `config.invalid` with every mistake. */
export async function readConfig(
  choice: Pick<SiteChoice, "config">,
  powers: AdminPowers,
): Promise<LoadedFile> {
  const file = choice.config ?? powers.env("REMOTELER_CONFIG") ?? usualFile;
  if (!await powers.files.exists(file)) {
    throw new Fault({
      kind: "missing",
      code: "config.not-found",
      message: `there is no configuration file ${file}`,
      hint: choice.config === null
        ? "name one with --config, or write one: remoteler configure --output=FILE"
        : "write one: remoteler configure --output=FILE",
    });
  }
  const loaded = loadConfig(await powers.files.readText(file));
  if (!loaded.ok) throw configFault(file, loaded.issues);
  return { file, config: loaded.config, lineOf: loaded.lineOf };
}

/** The data folder that a command is about. */
export async function dataDirOf(choice: SiteChoice, powers: AdminPowers): Promise<string> {
  if (choice["data-dir"] !== null) return choice["data-dir"];
  return (await readConfig(choice, powers)).config.remoteler.data_dir;
}

/** Auth, as the administrator on its own host. */
export async function openAuth(choice: SiteChoice, powers: AdminPowers): Promise<AuthClient> {
  const dataDir = await dataDirOf(choice, powers);
  if (await powers.files.exists(`${dataDir}/auth.sock`)) return await powers.auth(dataDir);
  throw new Fault({
    kind: "unavailable",
    code: "admin.no-auth",
    message: `no Auth Service listens at ${dataDir}/auth.sock`,
    hint: "run this on the host and as the user of the Auth Service, while it runs",
  });
}

/** `host:port` that people use for the proxy; null where no proxy is known. */
export async function publicAddress(
  choice: SiteChoice,
  auth: AuthClient,
  powers: AdminPowers,
): Promise<string | null> {
  const { resources } = await auth.call("resources.list", { kind: "proxy" });
  for (const resource of resources) {
    if (resource.kind === "proxy") return resource.spec.public_addr;
  }
  if (choice["data-dir"] !== null) return null;
  const { config } = await readConfig(choice, powers);
  const [own] = config.proxy_service?.public_addr ?? [];
  return own === undefined ? null : writeAddress(own);
}
