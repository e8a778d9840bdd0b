/**
 * Secrets that the configuration names: files or the environment, never the configuration's output.
 */
import { type ConfigIssue, located, type Mistake, type Path } from "./load.ts";
import type { Config } from "./shape.ts";

/** What reading a secret takes. */
export interface SecretPowers {
  /** Text of a file; rejects where it can't be read. */
  readText(path: string): Promise<string>;
  env(name: string): string | undefined;
}

export interface Secrets {
  readonly joinToken: string | null;
  readonly caPassphrase: string | null;
}

/** Environment variables that stand in for the files. */
export const secretVariables = {
  joinToken: "REMOTELER_JOIN_TOKEN",
  caPassphrase: "REMOTELER_CA_PASSPHRASE",
} as const;

export type LoadedSecrets =
  | { readonly ok: true; readonly secrets: Secrets }
  | { readonly ok: false; readonly issues: readonly ConfigIssue[] };

/**
 * Reads every secret of a configuration: its file first, else the environment; all faults at once.
 */
export async function loadSecrets(
  config: Config,
  lineOf: (path: Path) => number,
  powers: SecretPowers,
): Promise<LoadedSecrets> {
  const mistakes: Mistake[] = [];
  const fromFile = async (file: string | undefined, path: Path): Promise<string | null> => {
    if (file === undefined) return null;
    try {
      const [line = ""] = (await powers.readText(file)).split(/\r?\n/, 1);
      if (line.trim() !== "") return line.trim();
      mistakes.push({ path, expected: "should name a file whose first line is the secret" });
    } catch {
      mistakes.push({ path, expected: "should name a file that can be read" });
    }
    return null;
  };
  const { join } = config.remoteler;
  const secrets: Secrets = {
    joinToken: await fromFile(join?.token_file, ["remoteler", "join", "token_file"]) ??
      join?.token ?? powers.env(secretVariables.joinToken) ?? null,
    caPassphrase: await fromFile(config.auth_service?.ca_passphrase_file, [
      "auth_service",
      "ca_passphrase_file",
    ]) ?? powers.env(secretVariables.caPassphrase) ?? null,
  };
  return mistakes.length === 0
    ? { ok: true, secrets }
    : { ok: false, issues: located(mistakes, lineOf) };
}
