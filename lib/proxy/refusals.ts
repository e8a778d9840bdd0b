/** Who is turned away, in the client's protocol, in the audit log and in the log. */
import { type AuditEvent, newEvent } from "../audit/catalog.ts";
import { type Clock, rfc3339 } from "../core/clock.ts";
import { Fault } from "../core/fault.ts";
import type { UserIdentity } from "../core/identity.ts";
import type { Log } from "../core/log.ts";
import type { Random } from "../core/random.ts";
import { strangerEventBurst, strangerEventPeriodMs } from "./limits.ts";
import { RateLimit } from "./rate_limit.ts";

export interface RecorderPowers {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** Takes an event for the audit log; never throws, never waits. */
  readonly emit: (event: AuditEvent) => void;
}

/** What is known of a connection that is turned away. */
export interface Turned {
  readonly address: string;
  readonly protocol?: string | undefined;
  readonly identity?: UserIdentity | undefined;
  readonly trace?: string | undefined;
}

/** Reports what the proxy decides. Events of strangers are limited by source. */
export class Recorder {
  readonly #powers: RecorderPowers;
  readonly #strangers: RateLimit;

  constructor(powers: RecorderPowers) {
    this.#powers = powers;
    this.#strangers = new RateLimit(powers.clock, strangerEventBurst, strangerEventPeriodMs);
  }

  /** A session that no agent gets to see. */
  turnedAway(fault: Fault, { address, protocol, identity, trace }: Turned): void {
    const { emit, log } = this.#powers;
    const { code, message, kind } = fault;
    log.info("a client was turned away", { code, message, kind, client: address, trace });
    const from = { "addr.remote": address, ...(trace === undefined ? {} : { trace }) };
    if (kind === "unauthenticated") {
      if (identity === undefined && this.#strangers.take(address) > 0) return;
      emit(newEvent("auth", this.#stamp(), {
        user: identity?.user ?? "",
        ...from,
        error: { code, message: fault.shown },
        ...(protocol === undefined ? {} : { protocol }),
      }));
      return;
    }
    // Anonymous, and neither locked nor unknown: noise from the internet, for the log only.
    if (identity === undefined && kind !== "denied") return;
    if (identity === undefined && this.#strangers.take(address) > 0) return;
    emit(newEvent("session.rejected", this.#stamp(), {
      ...(identity === undefined ? { user: "" } : whoOf(identity)),
      ...from,
      reason: code,
      message: fault.shown.slice(0, 1024),
      ...(identity?.route === undefined ? {} : routeOf(identity.route)),
    }));
  }

  agentConnected(host: string, address: string, services: readonly string[]): void {
    const { emit, log } = this.#powers;
    log.info("an agent connected", { host, address, services: services.length });
    const fields = { host, "addr.remote": address, services: services.slice(0, 4096) };
    emit(newEvent("agent.connect", this.#stamp(), fields));
  }

  agentLeft(host: string, address: string, why: string): void {
    const { emit, log } = this.#powers;
    log.info("an agent's tunnel ended", { host, address, why });
    const fields = { host, "addr.remote": address, message: why.slice(0, 1024) };
    emit(newEvent("agent.disconnect", this.#stamp(), fields));
  }

  #stamp() {
    const { clock, random } = this.#powers;
    return { time: rfc3339(clock.now()), uid: random.uuid(), ei: 0 };
  }
}

function whoOf({ user, kind, roles, session }: UserIdentity) {
  return {
    user,
    user_kind: kind === "human" ? 1 : 2,
    user_roles: roles.slice(0, 256),
    login_session: session,
  } as const;
}

function routeOf({ service, user, database }: NonNullable<UserIdentity["route"]>) {
  return {
    db_service: service.slice(0, 255),
    ...(user === undefined ? {} : { db_user: user.slice(0, 255) }),
    ...(database === undefined ? {} : { db_name: database.slice(0, 255) }),
  };
}

/** A certificate that is good, but for no database. */
export function noRoute(): Fault {
  return new Fault({
    kind: "unauthenticated",
    code: "proxy.no-route",
    message: "the certificate has no route",
    shown: "the client certificate is not for a database",
    hint: "run `tsh db login <database>` and connect as it says",
  });
}

/** The certificate is for a database of another protocol than the client speaks. */
export function wrongProtocol(service: string, wanted: string, spoken: string): Fault {
  const words = `the client certificate is for "${service}", which speaks ${wanted}, not ${spoken}`;
  return new Fault({
    kind: "invalid",
    code: "proxy.wrong-protocol",
    message: words,
    shown: words,
    hint: `use a client for ${wanted}`,
  });
}

export function noAgent(service: string): Fault {
  const words = `no connected Database Service serves "${service}"`;
  return new Fault({
    kind: "unavailable",
    code: "proxy.no-agent",
    message: words,
    shown: words,
    hint: "`tsh db ls` shows the databases there are and which are online",
  });
}

/** The client was silent for too long before it was known. */
export function tooSlow(): Fault {
  return new Fault({
    kind: "network",
    code: "proxy.handshake-timeout",
    message: "the client did not finish its handshake in time",
  });
}

/** A session in the clear, which nobody gets. */
export function withoutTls(): Fault {
  const words = "the client asked for a session without TLS";
  return new Fault({
    kind: "unauthenticated",
    code: "proxy.no-tls",
    message: words,
    shown: words,
  });
}
