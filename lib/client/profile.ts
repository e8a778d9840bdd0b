/**
 * What `tsh` remembers, in `~/.tsh/remoteler` or `TSH_HOME`: one folder for each proxy with the
 * login, and in it one for each database. Folders are 0700, files 0600 and replaced as a whole.
 */
import { type Output, read, v } from "../schema/mod.ts";
import { Fault } from "../core/fault.ts";
import type { ClientPowers, HostPort } from "./powers.ts";

/** How the proxy's public certificate is checked. */
const trust = v.variant("kind", [
  /** By the system's authorities. */
  v.strictObject({ kind: v.literal("system") }),
  /** By these only (PEM): a given file, or the CA that was pinned. */
  v.strictObject({ kind: v.literal("ca"), pem: v.string() }),
  /** Not at all. */
  v.strictObject({ kind: v.literal("none") }),
]);
export type Trust = Output<typeof trust>;

const login = v.strictObject({
  v: v.literal(1),
  /** `host:port`. */
  proxy: v.string(),
  cluster: v.string(),
  user: v.string(),
  roles: v.array(v.string()),
  /** RFC 3339. */
  expires: v.string(),
  trust,
  /** PEM texts. */
  certificate: v.string(),
  key: v.string(),
  host_ca: v.string(),
});
export type Login = Output<typeof login>;

const route = v.strictObject({
  v: v.literal(1),
  service: v.string(),
  protocol: v.string(),
  db_user: v.nullable(v.string()),
  db_name: v.nullable(v.string()),
  expires: v.string(),
  /** Of the database, when the certificate was made: what an agent may serve can hang on them. */
  labels: v.optional(v.record(v.string(), v.string()), {}),
  /** The roles wanted TLS that ends at the Database Service, when the certificate was made. */
  require_end_to_end: v.optional(v.boolean(), false),
  /** `host:port` for programs of a protocol that has a port of its own; null where it has none. */
  native: v.optional(v.nullable(v.string()), null),
});
export type Route = Output<typeof route>;

const ports = v.record(v.string(), v.pipe(v.number(), v.integer()));

/** Where the files of a route are, for libpq and the like. */
export interface RouteFiles {
  readonly key: string;
  readonly certificate: string;
  readonly authority: string;
}

export class Profile {
  readonly #powers: Pick<ClientPowers, "files" | "env">;
  readonly #root: string;

  constructor(powers: Pick<ClientPowers, "files" | "env">) {
    this.#powers = powers;
    this.#root = powers.env("TSH_HOME") ?? `${homeOf(powers)}/.tsh/remoteler`;
  }

  /** The current login, or that at `proxy`; null where there is none. Its end isn't looked at. */
  async login(proxy: string | null = null): Promise<Login | null> {
    const name = proxy ?? await this.#current();
    if (name === null) return null;
    return await this.#read(`${this.#folder(name)}/login.json`, login);
  }

  /** All logins, the current one first. */
  async logins(): Promise<readonly Login[]> {
    const current = await this.#current();
    const found: Login[] = [];
    for (const name of await this.#powers.files.list(`${this.#root}/proxies`)) {
      const one = await this.#read(`${this.#root}/proxies/${name}/login.json`, login);
      if (one !== null) found.push(one);
    }
    return found.sort((a, b) => Number(b.proxy === current) - Number(a.proxy === current));
  }

  /** Keeps a login and makes it the current one. */
  async saveLogin(saved: Login): Promise<void> {
    const { files } = this.#powers;
    const folder = this.#folder(saved.proxy);
    await files.makeDirectory(`${folder}/db`);
    await files.writePrivate(`${folder}/host_ca.pem`, saved.host_ca);
    await files.writePrivate(`${folder}/login.json`, json(saved));
    await files.writePrivate(`${this.#root}/current`, `${saved.proxy}\n`);
  }

  /** Forgets a login with all its keys; the ports stay, so that they are the same next time. */
  async removeLogin({ proxy }: Login): Promise<void> {
    const { files } = this.#powers;
    const folder = this.#folder(proxy);
    for (const name of await files.list(folder)) {
      if (name !== "ports.json") await files.remove(`${folder}/${name}`);
    }
    if (await this.#current() !== proxy) return;
    const [next] = await this.logins();
    if (next === undefined) await files.remove(`${this.#root}/current`);
    else await files.writePrivate(`${this.#root}/current`, `${next.proxy}\n`);
  }

  routeFiles({ proxy }: Login, service: string): RouteFiles {
    const folder = `${this.#folder(proxy)}/db/${safe(service)}`;
    return {
      key: `${folder}/key.pem`,
      certificate: `${folder}/cert.pem`,
      authority: `${this.#folder(proxy)}/host_ca.pem`,
    };
  }

  async route({ proxy }: Login, service: string): Promise<Route | null> {
    return await this.#read(`${this.#folder(proxy)}/db/${safe(service)}/route.json`, route);
  }

  async routes(of: Login): Promise<readonly Route[]> {
    const found: Route[] = [];
    for (const name of await this.#powers.files.list(`${this.#folder(of.proxy)}/db`)) {
      const one = await this.route(of, name);
      if (one !== null) found.push(one);
    }
    return found;
  }

  async saveRoute(
    of: Login,
    saved: Route,
    pair: { readonly key: string; readonly certificate: string },
  ): Promise<void> {
    const { files } = this.#powers;
    const folder = `${this.#folder(of.proxy)}/db/${safe(saved.service)}`;
    const { key, certificate } = this.routeFiles(of, saved.service);
    await files.makeDirectory(folder);
    await files.writePrivate(key, pair.key);
    await files.writePrivate(certificate, pair.certificate);
    await files.writePrivate(`${folder}/route.json`, json(saved));
  }

  /** PEM texts of a route's key and certificate. */
  async routePair(
    of: Login,
    service: string,
  ): Promise<{ readonly key: string; readonly chain: string } | null> {
    const { key, certificate } = this.routeFiles(of, service);
    const [keyText, chain] = await Promise.all([
      this.#powers.files.readText(key),
      this.#powers.files.readText(certificate),
    ]);
    return keyText === null || chain === null ? null : { key: keyText, chain };
  }

  async removeRoute({ proxy }: Login, service: string): Promise<void> {
    await this.#powers.files.remove(`${this.#folder(proxy)}/db/${safe(service)}`);
  }

  /** The local port of a database, chosen once; null where none was chosen yet. */
  async port({ proxy }: Login, service: string): Promise<number | null> {
    const known = await this.#read(`${this.#folder(proxy)}/ports.json`, ports);
    return known === null || !Object.hasOwn(known, service) ? null : known[service] ?? null;
  }

  async savePort({ proxy }: Login, service: string, port: number): Promise<void> {
    const file = `${this.#folder(proxy)}/ports.json`;
    const known = await this.#read(file, ports) ?? {};
    await this.#powers.files.writePrivate(file, json({ ...known, [service]: port }));
  }

  async #current(): Promise<string | null> {
    const text = await this.#powers.files.readText(`${this.#root}/current`);
    return text === null ? null : text.trim();
  }

  #folder(proxy: string): string {
    return `${this.#root}/proxies/${safe(proxy)}`;
  }

  async #read<const S extends v.GenericSchema>(
    file: string,
    schema: S,
  ): Promise<v.InferOutput<S> | null> {
    const text = await this.#powers.files.readText(file);
    if (text === null) return null;
    try {
      return read(schema, JSON.parse(text), file);
    } catch (cause) {
      throw new Fault({
        kind: "invalid",
        code: "client.bad-profile",
        message: `${file} can't be understood`,
        hint: "log in again with: tsh logout, then tsh login",
        cause,
      });
    }
  }
}

export function homeOf({ env }: Pick<ClientPowers, "env">): string {
  const home = env("HOME");
  if (home !== undefined) return home;
  throw new Fault({
    kind: "invalid",
    code: "client.no-home",
    message: "there is no HOME to keep the login in",
    hint: "set TSH_HOME to a folder of your own",
  });
}

/** `host` or `host:port`; 443 is the usual port of a proxy. */
export function readProxyAddress(given: string): HostPort & { readonly text: string } {
  const bare = given.replace(/^https:\/\//, "").replace(/\/$/, "");
  const found = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?$/.exec(bare);
  const host = found?.[1] ?? found?.[2];
  const port = found?.[3] === undefined ? 443 : Number(found[3]);
  if (host === undefined || port < 1 || port > 65535) {
    throw new Fault({
      kind: "invalid",
      code: "client.bad-proxy",
      message: "--proxy should be host or host:port",
      hint: "for example --proxy=db.example.com or --proxy=[2001:db8::1]:3080",
    });
  }
  return { host, port, text: host.includes(":") ? `[${host}]:${port}` : `${host}:${port}` };
}

/** A folder's name for what a name may hold; nothing in it leads elsewhere. */
function safe(name: string): string {
  const cleaned = name.replaceAll(/[^A-Za-z0-9._@+-]/g, "_");
  return /^\.+$/.test(cleaned) || cleaned === "" ? `_${cleaned}` : cleaned;
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
