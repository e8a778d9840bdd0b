/** How a service becomes and stays a member of the cluster: joins once, renews in time. */
import type { AuthClient } from "../api/contract.ts";
import { buildRequest, caPin, generateKey, parseCertificate } from "../ca/mod.ts";
import { rfc3339 } from "../core/clock.ts";
import { asFault, Fault } from "../core/fault.ts";
import { backoff, fractionOf } from "../core/retry.ts";
import { type AuthChannel, checkAuth, checkPinnedAuth, openAuthChannel } from "./auth_channel.ts";
import { type HostCredentials, readHostFiles, writeHostFiles } from "./host_files.ts";
import type { Runtime } from "./runtime.ts";

export interface MembershipOptions {
  readonly runtime: Runtime;
  readonly role: "proxy" | "db";
  /** Auth itself, or a proxy that passes the calls on. */
  readonly address: { readonly host: string; readonly port: number };
  /** Pins of the host CA; none means whatever was stored. */
  readonly caPins: readonly string[];
  /** DNS names and addresses that clients check; proxies only. */
  readonly principals: readonly string[];
  /** Asked only when this host has to join; null where there is no token. */
  readonly joinToken: () => Promise<string | null>;
  readonly signal: AbortSignal;
}

/** A host in force. */
export interface Membership {
  readonly cluster: string;
  readonly host: string;
  readonly number: number;
  readonly client: AuthClient;
  /** In force now; changes when it is renewed. */
  readonly credentials: HostCredentials;
  onRenewed(listener: (credentials: HostCredentials) => void): void;
  close(): Promise<void>;
}

/** Uses what is stored where it is still good, else joins; tries again while Auth is away. */
export async function openMembership(options: MembershipOptions): Promise<Membership> {
  const { runtime, role } = options;
  const stored = await readHostFiles(runtime.dataDir, role);
  const credentials = stored !== null && isGood(stored, options)
    ? stored
    : await joinUntilDone(options);
  const membership = new RenewingMembership(options, credentials);
  await membership.start();
  return membership;
}

function isGood(stored: HostCredentials, { runtime, caPins }: MembershipOptions): boolean {
  if (stored.expires <= runtime.clock.now()) return false;
  if (caPins.length === 0) return true;
  return stored.hostCas.some((der) => caPins.includes(caPin(parseCertificate(der))));
}

async function joinUntilDone(options: MembershipOptions): Promise<HostCredentials> {
  const { clock, random, log } = options.runtime;
  for (let attempt = 0;; attempt++) {
    try {
      return await join(options);
    } catch (thrown) {
      const fault = asFault(thrown);
      if (fault.kind !== "unavailable" && fault.kind !== "network") throw thrown;
      log.warn("can't join yet", { code: fault.code, role: options.role, attempt });
      await clock.sleep(backoff(attempt, fractionOf(random.bytes(4))), options.signal);
    }
  }
}

async function join(options: MembershipOptions): Promise<HostCredentials> {
  const { runtime, role, address, principals } = options;
  const token = await options.joinToken();
  if (token === null) throw noToken(role);
  const channel = openAuthChannel({
    address,
    clock: runtime.clock,
    keyPair: () => null,
    check: checkPinnedAuth(options.caPins, runtime.clock),
  });
  try {
    const key = await generateKey();
    const answer = await channel.client.call("join", {
      token,
      csr: (await buildRequest(key)).toBase64(),
      hostname: runtime.nodename,
      system_roles: [role],
      principals: [...principals],
    }, options.signal);
    const credentials: HostCredentials = {
      cluster: answer.cluster,
      host: answer.host,
      number: answer.number,
      key: key.privatePem(),
      hostCas: answer.host_cas.map((text) => Uint8Array.fromBase64(text)),
      principals,
      ...issuedOf(answer.chain),
    };
    await writeHostFiles(runtime.dataDir, role, credentials);
    runtime.log.info("joined", { role, host: answer.host, expires: rfc3339(credentials.expires) });
    return credentials;
  } finally {
    channel.close();
  }
}

/** Renewed after two thirds of its life. */
const renewAt = 2 / 3;
const retryMs = 30_000;

class RenewingMembership implements Membership {
  readonly #options: MembershipOptions;
  readonly #channel: AuthChannel;
  readonly #listeners: ((credentials: HostCredentials) => void)[] = [];
  readonly #stop = new AbortController();
  #credentials: HostCredentials;
  #running: Promise<void> = Promise.resolve();

  constructor(options: MembershipOptions, credentials: HostCredentials) {
    this.#options = options;
    this.#credentials = credentials;
    const { clock } = options.runtime;
    this.#channel = openAuthChannel({
      address: options.address,
      clock,
      keyPair: () => ({ chain: this.#credentials.chain, key: this.#credentials.key }),
      check: checkAuth(credentials, clock),
    });
  }

  get cluster(): string {
    return this.#credentials.cluster;
  }

  get host(): string {
    return this.#credentials.host;
  }

  get number(): number {
    return this.#credentials.number;
  }

  get client(): AuthClient {
    return this.#channel.client;
  }

  get credentials(): HostCredentials {
    return this.#credentials;
  }

  onRenewed(listener: (credentials: HostCredentials) => void): void {
    this.#listeners.push(listener);
  }

  async start(): Promise<void> {
    const wanted = [...this.#options.principals].sort().join();
    if ([...this.#credentials.principals].sort().join() !== wanted) await this.#renewOnce();
    this.#running = this.#keep();
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    this.#channel.close();
  }

  async #keep(): Promise<void> {
    const { clock } = this.#options.runtime;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const { issued, expires } = this.#credentials;
      const due = issued + (expires - issued) * renewAt - clock.now();
      await clock.sleep(Math.max(due, 0), signal).catch(() => {});
      if (signal.aborted || clock.now() < issued + (expires - issued) * renewAt) continue;
      if (!await this.#renewOnce()) await clock.sleep(retryMs, signal).catch(() => {});
    }
  }

  /** False where it failed; what is in force stays. */
  async #renewOnce(): Promise<boolean> {
    const { runtime, role, principals } = this.#options;
    try {
      const key = await generateKey();
      const csr = (await buildRequest(key)).toBase64();
      const asked = { csr, principals: [...principals] };
      const answer = await this.client.call("renew", asked, this.#stop.signal);
      const renewed: HostCredentials = {
        ...this.#credentials,
        key: key.privatePem(),
        principals,
        ...issuedOf(answer.chain),
      };
      await writeHostFiles(runtime.dataDir, role, renewed);
      this.#credentials = renewed;
      for (const listener of this.#listeners) listener(renewed);
      runtime.log.info("host certificate renewed", { role, expires: rfc3339(renewed.expires) });
      return true;
    } catch (thrown) {
      const { code, kind } = asFault(thrown);
      runtime.log.warn("host certificate could not be renewed", { role, code, kind });
      return false;
    }
  }
}

function issuedOf(
  texts: readonly string[],
): Pick<HostCredentials, "chain" | "issued" | "expires"> {
  const chain = texts.map((text) => Uint8Array.fromBase64(text));
  const { notBefore, notAfter } = parseCertificate(chain[0] ?? new Uint8Array());
  return { chain, issued: notBefore, expires: notAfter };
}

function noToken(role: "proxy" | "db"): Fault {
  return new Fault({
    kind: "unauthenticated",
    code: "service.no-token",
    message: `this ${role} has not joined yet, and there is no join token`,
    hint: `on Auth's host: remoteler tokens add --type=${role}; then set remoteler.join.token_file`,
  });
}
