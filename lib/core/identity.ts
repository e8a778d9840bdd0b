/**
 * Who holds a certificate, as read from its identity extension by `lib/ca` and by nothing else
 * (DESIGN: trust). Plain data, so that access decisions and audit stay pure.
 */
export type Identity = UserIdentity | HostIdentity;

export interface UserIdentity {
  readonly v: 1;
  readonly cluster: string;
  readonly kind: "human" | "bot";
  readonly user: string;
  readonly roles: readonly string[];
  readonly traits: Readonly<Record<string, readonly string[]>>;
  /** Raised when the user's roles change; certificates with an older one are refused. */
  readonly generation: number;
  /** Only in certificates made for one database (`tsh db login`). */
  readonly route?: Route;
  readonly mfa?: { readonly device: string; readonly at: string };
  readonly loginIp: string;
  /** UUID of the login this certificate descends from. */
  readonly session: string;
  readonly issuer: string;
}

/**
 * The one database a certificate opens; what it leaves empty is taken from the startup and
 * authorized.
 */
export interface Route {
  readonly service: string;
  readonly protocol: string;
  readonly user?: string;
  readonly database?: string;
}

export type SystemRole = "auth" | "proxy" | "db";

export interface HostIdentity {
  readonly v: 1;
  readonly cluster: string;
  readonly kind: "host";
  /** UUID given when the host joined. */
  readonly host: string;
  readonly systemRoles: readonly SystemRole[];
  /** What an agent may serve: names with `*`, or `label:key=value`; empty for other hosts. */
  readonly services: readonly string[];
}
