/**
 * Certificates that Auth would never issue, signed by the site's own user CA: made from a copy of
 * Auth's state, since that is what an attacker who stole it could do.
 */
import { DatabaseSync } from "node:sqlite";
import { type Authorities, openAuthorities } from "../../lib/auth/authorities.ts";
import { sqliteBackend, type SqliteValue } from "../../lib/backend/sqlite/mod.ts";
import {
  buildRequest,
  certificatePem,
  generateKey,
  issueAuthority,
  issuerOf,
  issueUser,
  type SigningKey,
} from "../../lib/ca/mod.ts";
import type { Clock } from "../../lib/core/clock.ts";
import type { Route, UserIdentity } from "../../lib/core/identity.ts";
import { systemClock } from "../../lib/sys/clock.ts";
import { random } from "../../scripts/lab/certificates.ts";
import { join } from "../../scripts/lab/paths.ts";
import type { Site } from "../../scripts/lab/site.ts";

import type { Env } from "./raw_client.ts";

export interface Forged {
  readonly expires?: number;
  readonly cluster?: string;
  readonly generation?: number;
  /** Null: none; else changes of the usual one. */
  readonly route?: Partial<Route> | null;
}

export class Forge {
  readonly #authorities: (clock: Clock) => Promise<Authorities>;
  readonly #dir: string;
  readonly #cluster: string;
  readonly #generation: number;
  #count = 0;

  private constructor(
    authorities: (clock: Clock) => Promise<Authorities>,
    dir: string,
    cluster: string,
    generation: number,
  ) {
    this.#authorities = authorities;
    this.#dir = dir;
    this.#cluster = cluster;
    this.#generation = generation;
  }

  static async open(site: Site): Promise<Forge> {
    const dir = join(site.dir, "forged");
    await Deno.mkdir(dir, { recursive: true });
    for (const suffix of ["", "-wal"]) {
      await Deno.copyFile(
        join(site.auth.dataDir, `state.sqlite${suffix}`),
        join(dir, `state.sqlite${suffix}`),
      ).catch((e) => {
        if (suffix === "") throw e;
      });
    }
    const cluster = site.options.cluster ?? "lab";
    const open = async (clock: Clock) => {
      const database = new DatabaseSync(join(dir, "state.sqlite"));
      const backend = sqliteBackend({
        exec: (sql) => database.exec(sql),
        prepare: (sql) => {
          const statement = database.prepare(sql);
          return {
            get: (...values: SqliteValue[]) => statement.get(...values),
            all: (...values: SqliteValue[]) => statement.all(...values),
            run: (...values: SqliteValue[]) => statement.run(...values),
          };
        },
        close: () => database.close(),
      }, clock);
      const authorities = await openAuthorities({ backend, cluster, clock, random });
      await backend.close();
      return authorities;
    };
    const found = JSON.parse(await site.remoteler(["get", "user/alice", "--format=json"]));
    const alice = Array.isArray(found) ? found[0] : found;
    return new Forge(open, dir, cluster, alice.spec.generation);
  }

  /** `env` with a user certificate like alice's, changed as told. */
  async user(env: Env, forged: Forged): Promise<Env> {
    const expires = forged.expires ?? Date.now() + 600_000;
    const past: Clock = { ...systemClock, now: () => Math.min(Date.now(), expires - 600_000) };
    const authorities = await this.#authorities(past);
    const key = await generateKey();
    const signed = await authorities.signUser(await buildRequest(key), {
      identity: this.#identity(env, forged),
      expires,
    });
    return await this.#write(env, signed.chain, key);
  }

  /** `env` with a certificate of a CA that only looks like the site's. */
  async otherAuthority(env: Env): Promise<Env> {
    const now = Date.now();
    const caKey = await generateKey();
    const expires = now + 600_000;
    const order = {
      type: "user",
      cluster: this.#cluster,
      key: caKey,
      now,
      expires,
      random,
    } as const;
    const issuer = issuerOf((await issueAuthority(order)).der, caKey);
    const key = await generateKey();
    const identity = this.#identity(env, {});
    const { der } = await issueUser(issuer, { spki: key.spki, now, expires, random, identity });
    return await this.#write(env, [der], key);
  }

  #identity(env: Env, forged: Forged): UserIdentity {
    const route: Route = {
      service: "orders",
      protocol: "postgres",
      user: env["PGUSER"] ?? "alice",
      database: env["PGDATABASE"] ?? "orders",
      ...forged.route,
    };
    return {
      v: 1,
      cluster: forged.cluster ?? this.#cluster,
      kind: "human",
      user: "alice",
      roles: ["access"],
      traits: { db_users: ["alice"], db_names: ["orders"] },
      generation: forged.generation ?? this.#generation,
      ...(forged.route === null ? {} : { route }),
      loginIp: "127.0.0.1",
      session: random.uuid(),
      issuer: "forged",
    };
  }

  async #write(env: Env, chain: readonly Uint8Array[], key: SigningKey): Promise<Env> {
    const stem = join(this.#dir, String(this.#count++));
    await Deno.writeTextFile(`${stem}.pem`, chain.map((der) => certificatePem(der)).join(""));
    await Deno.writeTextFile(`${stem}.key`, key.privatePem(), { mode: 0o600 });
    return { ...env, PGSSLCERT: `${stem}.pem`, PGSSLKEY: `${stem}.key` };
  }
}
