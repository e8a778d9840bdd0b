/** One database tried step by step, for an administrator (`remoteler db test`). */
import type { AuthClient } from "../api/contract.ts";
import type { TrialOrder, TrialStep } from "../api/trials.ts";
import { buildRequest, certificatePem, generateKey } from "../ca/mod.ts";
import { asFault, Fault } from "../core/fault.ts";
import type { Log } from "../core/log.ts";
import type { LoggedIn, LoginRequest } from "../wire/protocol.ts";
import { usualDatabase } from "./authorize.ts";
import { type ConnectPowers, probe, speakTo } from "./connect.ts";
import type { Credentials } from "./credentials/mod.ts";
import { drive, type Driven } from "./drive.ts";
import {
  certificateMsMax,
  connectMsMax,
  foundCharsMax,
  loginMsMax,
  resolveMsMax,
} from "./limits.ts";
import type { DatabaseTarget } from "./targets.ts";
import {
  describeRefused,
  describeTaken,
  explain,
  isBug,
  readShown,
  type ShownCertificate,
  type Told,
} from "./trial_words.ts";
import { within } from "./within.ts";

export interface TrialPowers extends ConnectPowers {
  readonly auth: Pick<AuthClient, "call">;
  /** The addresses of a host. */
  readonly resolve: (host: string, signal: AbortSignal) => Promise<readonly string[]>;
  readonly log: Log;
  /** Tunnels to proxies that are up. */
  readonly tunnels: () => number;
  /** Ends with the service. */
  readonly signal: AbortSignal;
}

/**
 * Tries every step and gives what came of each; never throws. What is ordered stands for a Grant:
 * Auth has decided, and signs the login's certificate for this order only.
 */
export async function tryDatabase(
  target: DatabaseTarget,
  order: TrialOrder,
  powers: TrialPowers,
): Promise<TrialStep[]> {
  const trial = new Trial(target, order, powers);
  await trial.run();
  return trial.steps;
}

type StepName = TrialStep["step"];

class Trial {
  readonly steps: TrialStep[] = [];
  readonly #target: DatabaseTarget;
  readonly #order: TrialOrder;
  readonly #powers: TrialPowers;
  /** What the database showed when nothing was checked. */
  #shown: ShownCertificate | null = null;
  #credentials: Credentials | null = null;
  #login: Driven<LoggedIn> | null = null;

  constructor(target: DatabaseTarget, order: TrialOrder, powers: TrialPowers) {
    this.#target = target;
    this.#order = order;
    this.#powers = powers;
  }

  async run(): Promise<void> {
    this.#tunnel();
    const isTrusted = await this.#reach();
    await this.#readCredentials();
    try {
      await this.#logIn(isTrusted);
    } finally {
      this.#login?.line.stream.abort();
    }
  }

  #tunnel(): void {
    const up = this.#powers.tunnels();
    if (up > 0) return this.#tell("tunnel", "ok", { found: `${up} up`, hint: null });
    const hint = "see that the agent reaches the proxy (its log, proxy_server)";
    this.#tell("tunnel", "failed", { found: "none to a proxy is up: no client can come", hint });
  }

  /** From the name to a certificate that is trusted; false where the way ends before. */
  async #reach(): Promise<boolean> {
    const { host, port, serverName, mode } = this.#target;
    const powers = this.#powers;
    const ways: readonly [StepName, number, (signal: AbortSignal) => Promise<string | Told>][] = [
      ["address", resolveMsMax, async (signal) => {
        const found = await powers.resolve(host, signal);
        return found.includes(host) ? host : `${host} is ${found.slice(0, 4).join(", ")}`;
      }],
      ["tcp", connectMsMax, async (signal) => {
        const began = powers.clock.monotonic();
        const timeoutMs = connectMsMax;
        const { stream } = await powers.connectDatabase({ host, port }, { timeoutMs, signal });
        const at = stream.remoteAddress;
        stream.abort();
        return `${at} answers in ${Math.round(powers.clock.monotonic() - began)} ms`;
      }],
      ["tls", connectMsMax, async (signal) => {
        const verify = (chain: readonly Uint8Array[]): null => {
          this.#shown = readShown(chain);
          return null;
        };
        await probe(this.#target, powers, signal, { serverName, verify });
        return "TLS is offered";
      }],
    ];
    for (const [at, [step, ms, run]] of ways.entries()) {
      if (await this.#step(step, ms, run)) continue;
      const left = [...ways.slice(at + 1).map(([name]) => name), "certificate"] as const;
      for (const name of left) this.#skip(name, `not tried after ${step} failed`);
      return false;
    }
    if (mode !== "insecure") return await this.#checkCertificate();
    const hint = "set tls.mode to verify-full: anybody between can read and change sessions";
    this.#tell("certificate", "skipped", { found: "not checked (tls.mode: insecure)", hint });
    return true;
  }

  async #checkCertificate(): Promise<boolean> {
    const { clock } = this.#powers;
    const check = async (signal: AbortSignal): Promise<Told> => {
      await probe(this.#target, this.#powers, signal);
      return describeTaken(this.#shown, clock.now(), this.#target.mode);
    };
    const refused = (thrown: unknown): Told =>
      describeRefused(thrown, this.#shown, this.#target, clock.now());
    return await this.#step("certificate", connectMsMax, check, refused);
  }

  async #readCredentials(): Promise<void> {
    const { secret } = this.#target;
    const { db_user } = this.#order;
    if (secret === null && db_user === null) {
      return this.#skip("credentials", "a certificate is only asked for with --db-user");
    }
    await this.#step("credentials", certificateMsMax, async (signal) => {
      if (secret === null) return await this.#askCertificate(signal);
      if (db_user !== null && secret.user !== null && secret.user !== db_user) {
        throw otherAccount(secret.user);
      }
      await secret.password();
      const both = this.#target.protocol.certificateAndPassword === true && db_user !== null;
      if (both) await this.#askCertificate(signal);
      const keyPair = this.#credentials?.keyPair ?? null;
      this.#credentials = { keyPair, password: secret.password };
      return `the stored password${secret.user === null ? "" : ` of ${secret.user}`} can be read`;
    });
  }

  async #askCertificate(signal: AbortSignal): Promise<string> {
    const key = await generateKey("p256");
    const csr = (await buildRequest(key)).toBase64();
    const { id } = this.#order;
    const { chain } = await this.#powers.auth.call("certificates.trial", { csr, id }, signal);
    const pem = certificatePem(...chain.map((text) => Uint8Array.fromBase64(text)));
    this.#credentials = { keyPair: { chain: pem, key: key.privatePem() }, password: null };
    return `Auth signed a certificate for ${this.#order.db_user}`;
  }

  async #logIn(isTrusted: boolean): Promise<void> {
    const credentials = this.#credentials;
    const { db_user } = this.#order;
    const why = db_user === null
      ? "not tried without --db-user"
      : !isTrusted
      ? "not tried: the database can't be reached or trusted"
      : "not tried without credentials";
    if (db_user === null || credentials === null || !isTrusted) {
      this.#skip("login", why);
      return this.#skip("statement", why);
    }
    const { protocol } = this.#target;
    const db_name = this.#order.db_name ?? usualDatabase(this.#target, db_user);
    const isIn = await this.#step("login", connectMsMax + loginMsMax, async (signal) => {
      const script = protocol.login(
        this.#request(db_user, db_name, credentials.password !== null),
      );
      const to = this.#target;
      this.#login = await speakTo(to, to, script, credentials, this.#powers, signal);
      const version = this.#login.result.serverVersion;
      return `${db_user} is let ${db_name === "" ? "in" : `into ${db_name}`}${
        version === "" ? "" : `, version ${version}`
      }`;
    }, (thrown) => refusedLogin(thrown, this.#target));
    const login = this.#login;
    if (!isIn || login === null) return this.#skip("statement", "not tried after login failed");
    await this.#step("statement", loginMsMax, async (signal) => {
      const { run, statement } = protocol.trial;
      const { line } = await drive(run(), login.line, { signal });
      line.stream.end();
      // The database closes after a goodbye; what it still says is no matter.
      await line.reader.pull(signal).catch(() => null);
      return `${statement} is answered`;
    });
  }

  #request(user: string, database: string, hasPassword: boolean): LoginRequest {
    const parameters = new Map([["application_name", "remoteler db test"]]);
    const clientProgram = "remoteler db test";
    const rest = { parameters, clientProgram, replication: false, version: "" };
    const startup = { user, database, ...rest };
    const nonce = this.#powers.random.bytes(24);
    return { user, database, startup, replication: false, hasPassword, nonce };
  }

  async #step(
    step: StepName,
    ms: number,
    run: (signal: AbortSignal) => Promise<string | Told>,
    failed: (thrown: unknown) => Told = (thrown) => explain(thrown, this.#target),
  ): Promise<boolean> {
    try {
      const told = await within(this.#powers, ms, run);
      this.#tell(step, "ok", typeof told === "string" ? { found: told, hint: null } : told);
      return true;
    } catch (thrown) {
      if (isBug(thrown)) {
        const { message } = asFault(thrown);
        this.#powers.log.error("a test failed by a mistake of ours", { step, message });
      }
      this.#tell(step, "failed", failed(thrown));
      return false;
    }
  }

  #skip(step: StepName, found: string): void {
    this.#tell(step, "skipped", { found, hint: null });
  }

  #tell(step: StepName, state: TrialStep["state"], { found, hint }: Told): void {
    this.steps.push({ step, state, found: brief(found), hint: hint === null ? null : brief(hint) });
  }
}

/** Databases choose some of these words. */
function brief(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ").slice(0, foundCharsMax);
}

/**
 * TLS was fine before without our certificate: a database that now breaks it off, or the
 * connection, doesn't trust who signed ours.
 */
function refusedLogin(thrown: unknown, target: DatabaseTarget): Told {
  const told = explain(thrown, target);
  const isBroken = thrown instanceof Fault && thrown.code !== "db.too-slow" &&
    (thrown.kind === "network" || thrown.code === "db.tls");
  if (target.secret !== null || !isBroken) return told;
  const hint =
    "let the database trust the CA of clients (PostgreSQL: ssl_ca_file, MySQL: ssl_ca): " +
    "remoteler get cert_authority/db_client --format=pem";
  return { found: told.found, hint };
}

function otherAccount(user: string): Fault {
  const message = `the stored password is for ${user}`;
  return new Fault({
    kind: "denied",
    code: "db.other-account",
    message,
    hint: `try it with --db-user=${user}`,
  });
}
