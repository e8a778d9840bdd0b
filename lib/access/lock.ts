/** Locks, and the generation that ends a user's older certificates. */
import type { EpochMs } from "../core/clock.ts";
import type { Identity } from "../core/identity.ts";

/** The part of a lock resource that decides; the resource of lib/api fits it. */
export interface Lock {
  readonly metadata: { readonly name: string; readonly expires?: string | undefined };
  readonly spec: {
    readonly target: {
      readonly user?: string | undefined;
      readonly role?: string | undefined;
      readonly login?: string | undefined;
      readonly service?: string | undefined;
      readonly host?: string | undefined;
    };
    readonly message: string;
  };
}

/** What is about to happen, or goes on: who, on which database service, through which hosts. */
export interface LockSubject {
  readonly identity?: Identity;
  /** Roles of now, where they are newer than the certificate's. */
  readonly roles?: readonly string[];
  readonly service?: string;
  /** Host ids that take part (an agent's); a host identity adds its own. */
  readonly hosts?: readonly string[];
}

/**
 * The words of the first lock in force that means this subject, or null. A lock that names several
 * things means only what is all of them; one that names nothing means nothing.
 */
export function lockOf(locks: Iterable<Lock>, subject: LockSubject, now: EpochMs): string | null {
  const { identity } = subject;
  const user = identity !== undefined && identity.kind !== "host" ? identity : null;
  const roles = new Set([...(user?.roles ?? []), ...(subject.roles ?? [])]);
  const hosts = new Set(subject.hosts ?? []);
  if (identity?.kind === "host") hosts.add(identity.host);
  const service = subject.service;
  for (const lock of locks) {
    const { expires } = lock.metadata;
    if (expires !== undefined && Date.parse(expires) <= now) continue;
    const { target } = lock.spec;
    const asked: boolean[] = [];
    if (target.user !== undefined) asked.push(user?.user === target.user);
    if (target.role !== undefined) asked.push(roles.has(target.role));
    if (target.login !== undefined) asked.push(user?.session === target.login);
    if (target.service !== undefined) asked.push(service === target.service);
    if (target.host !== undefined) asked.push(hosts.has(target.host));
    if (asked.length === 0 || asked.includes(false)) continue;
    return lock.spec.message === "" ? `locked by an administrator` : lock.spec.message;
  }
  return null;
}

/** The part of a user resource that says which certificates are in force. */
export interface UserState {
  readonly spec: { readonly generation: number; readonly disabled: boolean };
}

/**
 * The generation that a certificate of this user must have; null where none is in force (unknown,
 * disabled).
 */
export function generationOf(user: UserState | null | undefined): number | null {
  return user === null || user === undefined || user.spec.disabled ? null : user.spec.generation;
}
