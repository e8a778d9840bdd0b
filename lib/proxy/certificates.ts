/** The certificates that the one port shows, and their reload. */
import { parseCertificate, readPem } from "../ca/mod.ts";
import { asFault, Fault } from "../core/fault.ts";
import type { KeyPair, TlsContext } from "../sys/tls.ts";
import { reloadPeriodMs } from "./limits.ts";
import type { ProxyPowers } from "./powers.ts";

/** A public certificate from files. */
interface FromFiles {
  readonly context: TlsContext;
  names: readonly string[];
}

export class Certificates {
  /** For agents and native clients. */
  readonly host: TlsContext;
  /** The host certificate with its CA, for browsers and `tsh --ca-pin` where there are no files. */
  readonly #shown: TlsContext;
  readonly #files: FromFiles[] = [];
  readonly #powers: ProxyPowers;
  #stops: (() => void)[] = [];

  private constructor(powers: ProxyPowers) {
    this.#powers = powers;
    this.host = powers.system.tlsContext(powers.host);
    this.#shown = powers.system.tlsContext(withAuthority(powers.host, powers.hostAuthority));
  }

  /** Reads all files once; a fault where one can't be used. */
  static async load(powers: ProxyPowers): Promise<Certificates> {
    const certificates = new Certificates(powers);
    for (const files of powers.config.keyPairs) {
      const { keyPair, names } = await certificates.#read(files);
      const loaded = { context: powers.system.tlsContext(keyPair), names };
      certificates.#files.push(loaded);
      for (const path of [files.certFile, files.keyFile]) {
        const reload = () => void certificates.#reload(files, loaded);
        certificates.#stops.push(powers.system.watchFile(path, reloadPeriodMs, reload));
      }
    }
    return certificates;
  }

  /** For the web: the certificate made for this name, else the first. */
  public(sni: string | null): TlsContext {
    const fitting = this.#files.find(({ names }) => sni !== null && covers(names, sni));
    return (fitting ?? this.#files[0])?.context ?? this.#shown;
  }

  /** The renewed host certificate, for handshakes from now on. */
  replaceHost(host: ProxyPowers["host"], authority: Uint8Array): void {
    this.host.replace(host);
    this.#shown.replace(withAuthority(host, authority));
  }

  close(): void {
    for (const stop of this.#stops) stop();
    this.#stops = [];
  }

  async #reload(files: ProxyPowers["config"]["keyPairs"][number], to: FromFiles): Promise<void> {
    const { log } = this.#powers;
    try {
      const { keyPair, names } = await this.#read(files);
      to.context.replace(keyPair);
      to.names = names;
      log.info("a public certificate was reloaded", { file: files.certFile });
    } catch (thrown) {
      // Between the writing of the two files this is normal; the old one serves on.
      const { code, message } = asFault(thrown);
      log.warn("a public certificate could not be reloaded", { code, message });
    }
  }

  async #read({ certFile, keyFile }: ProxyPowers["config"]["keyPairs"][number]) {
    const { readText } = this.#powers.system;
    const [chain, key] = [await readText(certFile), await readText(keyFile)];
    if (chain === null || key === null) throw missing(chain === null ? certFile : keyFile);
    const [leaf] = readPem(chain, "CERTIFICATE");
    if (leaf === undefined) throw missing(certFile);
    return { keyPair: { chain, key }, names: namesOf(leaf) };
  }
}

function withAuthority(host: ProxyPowers["host"], authority: Uint8Array): KeyPair {
  const [leaf] = host.chain;
  return { chain: leaf === undefined ? [] : [leaf, authority], key: host.key };
}

/** DNS names; a certificate of another maker may hold what our strict reader doesn't take. */
function namesOf(leaf: Uint8Array): readonly string[] {
  try {
    return parseCertificate(leaf).altNames.flatMap((name) =>
      name.type === "dns" ? [name.value.toLowerCase()] : []
    );
  } catch {
    return [];
  }
}

/** RFC 6125 §6.4.3: a `*` stands for exactly the first label. */
function covers(names: readonly string[], sni: string): boolean {
  const rest = sni.slice(sni.indexOf(".") + 1);
  return names.some((name) => name === sni || (name.startsWith("*.") && name.slice(2) === rest));
}

function missing(path: string): Fault {
  return new Fault({
    kind: "invalid",
    code: "proxy.no-certificate-file",
    message: `${path} does not exist or holds no certificate`,
    shown: `${path} does not exist or holds no certificate`,
  });
}
