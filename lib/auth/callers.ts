/** Who calls: certificates are verified against users and locks as the backend has them now. */
import { generationOf, lockOf, mayCall } from "../access/mod.ts";
import type { Lock, Role } from "../api/resources.ts";
import type { CallVerb, ProvenCaller } from "../api/server.ts";
import { type Verified, verifyIdentity } from "../ca/mod.ts";
import { asFault, Fault } from "../core/fault.ts";
import type { HostIdentity, Identity, UserIdentity } from "../core/identity.ts";
import { type Core, denied } from "./powers.ts";

/** Refused certificates are audited, but a flood of them must not fill the log. */
const reportsPerMinute = 60;

export class Callers {
  readonly #core: Core;
  #minute = 0;
  #reported = 0;

  constructor(core: Core) {
    this.#core = core;
  }

  /** The caller behind a TLS connection's certificates. @throws Fault as `verifyIdentity` does */
  async prove(chain: readonly Uint8Array[], remoteAddress: string): Promise<ProvenCaller> {
    if (chain.length === 0) return { kind: "nobody" };
    try {
      return await this.#prove(chain);
    } catch (thrown) {
      const fault = asFault(thrown);
      if (fault.code.startsWith("ca.")) await this.#report(fault, remoteAddress);
      throw fault;
    }
  }

  async #prove(chain: readonly Uint8Array[]): Promise<ProvenCaller> {
    try {
      const { identity, expires } = await this.host(chain);
      return { kind: "host", identity, expires };
    } catch (thrown) {
      if (!(thrown instanceof Fault) || thrown.code !== "ca.wrong-type") throw thrown;
    }
    const { identity, expires } = await this.user(chain);
    return { kind: "user", identity, expires };
  }

  /** A host's chain, verified in full. */
  async host(chain: readonly Uint8Array[]): Promise<Verified<HostIdentity>> {
    const expected = { ...this.#expected(), expect: "host" } as const;
    verifyIdentity(chain, { ...expected, standing: unasked() });
    const locks = await this.locks();
    const { now } = expected;
    return verifyIdentity(chain, {
      ...expected,
      standing: {
        generationOf: () => null,
        lockOf: (identity) => lockOf(locks, { identity }, now),
      },
    });
  }

  /**
   * A user's chain, verified in full: on its own connection, or forwarded by an agent. The first
   * pass gives the name to ask the backend for; nothing is believed before the second.
   */
  async user(chain: readonly Uint8Array[]): Promise<Verified<UserIdentity>> {
    const expected = { ...this.#expected(), expect: "user" } as const;
    const { identity } = verifyIdentity(chain, { ...expected, standing: unasked() });
    const user = await this.#core.store.get("user", identity.user);
    const locks = await this.locks();
    return verifyIdentity(chain, {
      ...expected,
      standing: {
        generationOf: () => generationOf(user?.resource),
        lockOf: (found) => lockOf(locks, subjectOf(found), expected.now),
      },
    });
  }

  locks(): Promise<readonly Lock[]> {
    return this.#core.store.all("lock");
  }

  /** The roles with these names. @throws Fault `auth.role-gone` where one is missing */
  async roles(names: readonly string[]): Promise<readonly Role[]> {
    const found: Role[] = [];
    for (const name of names) {
      const stored = await this.#core.store.get("role", name);
      if (stored === null) throw roleGone(name);
      found.push(stored.resource);
    }
    return found;
  }

  /** Whether the roles in a certificate allow a verb on a kind of resource. */
  async may(identity: UserIdentity, verb: CallVerb, on: string): Promise<boolean> {
    return mayCall(await this.roles(identity.roles), verb, on);
  }

  #expected() {
    const { cluster, clock, authorities } = this.#core;
    return { cluster, now: clock.now(), authorities: authorities.trusted };
  }

  async #report(fault: Fault, remoteAddress: string): Promise<void> {
    const minute = Math.floor(this.#core.clock.monotonic() / 60_000);
    if (minute !== this.#minute) [this.#minute, this.#reported] = [minute, 0];
    if (++this.#reported > reportsPerMinute) return;
    await this.#core.audit.report("auth", {
      user: "",
      "addr.remote": remoteAddress.slice(0, 128),
      error: { code: fault.code, message: fault.message.slice(0, 1024) },
      protocol: "remoteler-auth",
    });
  }
}

/** The standing of a first pass: agrees with whatever the certificate says. */
function unasked() {
  let generation: number | null = null;
  return {
    lockOf: (identity: Identity) => {
      if (identity.kind !== "host") generation = identity.generation;
      return null;
    },
    generationOf: () => generation,
  };
}

function subjectOf(identity: Identity) {
  const service = identity.kind === "host" ? undefined : identity.route?.service;
  return service === undefined ? { identity } : { identity, service };
}

function roleGone(name: string): Fault {
  return denied(
    "auth.role-gone",
    `the role ${JSON.stringify(name)} does not exist`,
    "ask an administrator to correct your roles",
  );
}
