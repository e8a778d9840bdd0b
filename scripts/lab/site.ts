/** A whole site: Auth, Proxy and Database Service as processes of their own, a real PostgreSQL. */
import { LabAuthority, pemOf } from "./certificates.ts";
import { join } from "./paths.ts";
import { type PostgresBinaries, type PostgresServer, startPostgres } from "./postgres.ts";
import { own, Person, remoteler, type Service, startService } from "./services.ts";
import { freePort, must, type ServerUser, waitFor } from "./tools.ts";

export interface SiteOptions {
  /** An empty folder that other users may enter. */
  readonly dir: string;
  readonly binaries: PostgresBinaries;
  /** SQL run once in the new PostgreSQL; statements end with an empty line. */
  readonly sql: string;
  /** Names under which PostgreSQL is served, with their labels; all are the same server. */
  readonly databases: Readonly<Record<string, Record<string, string>>>;
  readonly settings?: readonly string[];
  /** How many Database Services serve them. */
  readonly agents?: number;
  /** How many Proxy Services there are; agents hear of all but the first by heartbeats. */
  readonly proxies?: number;
  readonly dbService?: Readonly<Record<string, unknown>>;
  /** Databases served beside those, as the configuration file has them. */
  readonly moreDatabases?: (site: Site) => Promise<readonly Record<string, unknown>[]>;
  /** pg_hba lines for TCP; client certificates only where left out. */
  readonly hba?: readonly string[];
  readonly proxyService?: Readonly<Record<string, unknown>>;
  readonly cluster?: string;
  /** Agents and PostgreSQL run behind a wire, and reach the proxy at this address of ours. */
  readonly far?: { readonly netns: string; readonly proxyHost: string };
  /** Each service tells of itself at its `ready.diag_address`. */
  readonly diagnostics?: boolean;
  /** Another user to run everything of ours as. */
  readonly as?: ServerUser;
  /** Called with each Database Service's data folder before its first start. */
  readonly prepareData?: (dataDir: string) => Promise<void>;
  /** Told at each step, for progress. */
  readonly say?: (text: string) => void;
}

export interface UserOptions {
  readonly roles?: readonly string[];
  readonly dbUsers?: readonly string[];
  readonly dbNames?: readonly string[];
}

export const password = "correct horse battery staple";

/** A running site. */
export class Site {
  readonly options: SiteOptions;
  readonly dir: string;
  auth!: Service;
  /** The Proxy Service that people log in at. */
  proxy!: Service;
  /** The ports of all Proxy Services, that of {@linkcode proxy} first. */
  readonly proxyPorts: number[] = [];
  #otherProxies: Service[] = [];
  agents: Service[] = [];
  postgres!: PostgresServer;
  /** Signs PostgreSQL's server certificate and the direct clients' certificates. */
  authority!: LabAuthority;
  /** `host:port` that clients use. */
  proxyAddress = "";
  proxyPort = 0;
  caPin = "";

  private constructor(options: SiteOptions) {
    this.options = options;
    this.dir = options.dir;
  }

  static async open(options: SiteOptions): Promise<Site> {
    const site = new Site(options);
    try {
      await site.#open();
    } catch (e) {
      await site.close();
      throw e;
    }
    return site;
  }

  async #open(): Promise<void> {
    const say = this.options.say ?? (() => {});
    say("starting the Auth Service ...");
    await this.startAuth(0);
    say("starting the Proxy Service ...");
    for (let i = 0; i < (this.options.proxies ?? 1); i++) this.proxyPorts.push(freePort());
    this.proxyPort = this.proxyPorts[0] ?? 0;
    this.proxyAddress = `${this.#proxyHost}:${this.proxyPort}`;
    await this.startProxy();
    for (let i = 1; i < this.proxyPorts.length; i++) {
      this.#otherProxies.push(await this.#startProxy(`proxy-${i}`, this.proxyPorts[i] ?? 0));
    }
    say("starting PostgreSQL, which lets in client certificates only ...");
    await this.startPostgres();
    say("starting the Database Service ...");
    for (let i = 0; i < (this.options.agents ?? 1); i++) await this.startAgent(i);
  }

  async startAuth(port: number): Promise<void> {
    this.auth = await startService({
      name: "auth",
      ...this.#as(),
      dir: join(this.dir, "auth"),
      config: {
        remoteler: this.#diagnostics(),
        auth_service: {
          enabled: true,
          listen_addr: `127.0.0.1:${port}`,
          cluster_name: this.options.cluster ?? "lab",
        },
      },
    });
    this.caPin = this.auth.ready.ca_pin ?? "";
  }

  /** Kills Auth and starts it again at the same address. */
  async restartAuth(): Promise<void> {
    const port = Number((this.auth.ready.auth_address ?? "").split(":").at(-1));
    this.auth.signal("SIGKILL");
    await this.auth.ended();
    await this.startAuth(port);
  }

  async startProxy(): Promise<void> {
    this.proxy = await this.#startProxy("proxy", this.proxyPort);
  }

  async #startProxy(name: string, port: number): Promise<Service> {
    const dir = join(this.dir, name);
    return await startService({
      name,
      ...this.#as(),
      dir,
      config: {
        remoteler: await this.joining("proxy", dir),
        proxy_service: {
          enabled: true,
          web_listen_addr: `${this.options.far?.proxyHost ?? "127.0.0.1"}:${port}`,
          public_addr: `${this.#proxyHost}:${port}`,
          ...this.options.proxyService,
        },
      },
    });
  }

  async startAgent(index: number): Promise<void> {
    const dir = join(this.dir, `agent-${index}`);
    await Deno.mkdir(dir, { recursive: true });
    if (this.agents[index] === undefined) await this.options.prepareData?.(join(dir, "data"));
    const ca = join(this.dir, "server-ca.pem");
    await Deno.writeTextFile(ca, this.authority.pem);
    const databases = Object.entries(this.options.databases).map(([name, labels]) => ({
      name,
      protocol: "postgres",
      uri: `localhost:${this.postgres.port}`,
      labels,
      tls: { mode: "verify-full", ca_cert_file: ca },
    }));
    this.agents[index] = await startService({
      name: `agent-${index}`,
      ...this.#as(),
      ...this.#far(),
      dir,
      config: {
        remoteler: { ...await this.joining("db", dir), proxy_server: this.proxyAddress },
        db_service: {
          enabled: true,
          databases: [...databases, ...(await this.options.moreDatabases?.(this) ?? [])],
          ...this.options.dbService,
        },
      },
    });
    await waitFor("the agent is connected", 20_000, async () => {
      const list = await this.remoteler(["get", "agent", "--format=json"]);
      return JSON.parse(list).length > index;
    });
  }

  async startPostgres(): Promise<void> {
    this.authority ??= await LabAuthority.make();
    const server = await this.authority.server("localhost", "127.0.0.1");
    this.postgres = await startPostgres({
      binaries: this.options.binaries,
      dir: join(this.dir, "postgres"),
      tls: { ...server, clientCa: await this.databaseClientCa() + this.authority.pem },
      sql: this.options.sql,
      ...this.#far(),
      ...(this.options.hba ? { hba: this.options.hba } : {}),
      ...(this.options.settings ? { settings: this.options.settings } : {}),
      ...(this.postgres ? { port: this.postgres.port } : {}),
    });
  }

  /** The logs of all Proxy Services, in the order of their ports. */
  get proxyLogs(): string[] {
    return [this.proxy, ...this.#otherProxies].map(({ logFile }) => logFile);
  }

  /** What a database must trust: the `db_client` CA as PEM. */
  async databaseClientCa(): Promise<string> {
    const text = await this.remoteler(["get", "cert_authority/db_client", "--format=json"]);
    const found = JSON.parse(text);
    const trusted: string[] = (Array.isArray(found) ? found[0] : found).spec.trusted;
    return trusted.map(pemOf).join("");
  }

  /** `remoteler ARGS` on Auth's own host; gives its output. */
  async remoteler(args: readonly string[], input?: string): Promise<string> {
    const done = await remoteler(this.auth.configFile, args, input, this.options.as);
    if (done.code === 0) return done.stdout;
    throw new Error(`remoteler ${args.join(" ")} ended with ${done.code}:\n${done.stderr}`);
  }

  /** Makes a role of this name, or another one of the one that there is. */
  async putRole(name: string, spec: Readonly<Record<string, unknown>>): Promise<void> {
    const role = { kind: "role", version: "v1", metadata: { name }, spec };
    await this.remoteler(["create", "--force"], JSON.stringify(role));
  }

  /** A join token; a host that has joined keeps its identity and needs none. */
  async token(type: "proxy" | "db", services = "*"): Promise<string> {
    const made = await this.remoteler([
      ...["tokens", "add", `--type=${type}`, "--format=json"],
      ...(type === "db" ? [`--services=${services}`] : []),
    ]);
    return JSON.parse(made).token;
  }

  /** What a process that joins needs to know, with a token of its own in `dir`. */
  async joining(type: "proxy" | "db", dir: string): Promise<Record<string, unknown>> {
    await Deno.mkdir(dir, { recursive: true });
    const file = join(dir, "token");
    await Deno.writeTextFile(file, await this.token(type), { mode: 0o600 });
    await own(this.options.as, dir, file);
    const auth = type === "proxy" ? { auth_server: this.auth.ready.auth_address } : {};
    const joinBy = { method: "token", token_file: file };
    return { ...auth, join: joinBy, ca_pin: this.caPin, ...this.#diagnostics() };
  }

  #diagnostics(): { diag_addr?: string } {
    return this.options.diagnostics === true ? { diag_addr: "127.0.0.1:0" } : {};
  }

  /** Makes a user, follows the invite link, and gives a person with a home of their own. */
  async addUser(name: string, options: UserOptions = {}): Promise<Person> {
    const roles = options.roles ?? ["access"];
    const made = JSON.parse(
      await this.remoteler([
        ...["users", "add", name, `--roles=${roles.join(",")}`, "--format=json"],
        ...(options.dbUsers ? [`--db-users=${options.dbUsers.join(",")}`] : []),
        ...(options.dbNames ? [`--db-names=${options.dbNames.join(",")}`] : []),
      ]),
    );
    await this.acceptInvite(made.invite_token ?? String(made.invite_url).split("/").at(-1));
    const home = join(this.dir, `home-${name}`);
    await Deno.mkdir(home, { recursive: true });
    await own(this.options.as, home);
    return new Person(home, this.options.as ?? null);
  }

  get #proxyHost(): string {
    return this.options.far?.proxyHost ?? "localhost";
  }

  #far(): { netns?: string } {
    return this.options.far ? { netns: this.options.far.netns } : {};
  }

  #as(): { as?: ServerUser } {
    return this.options.as ? { as: this.options.as } : {};
  }

  /** What a browser does with the invite's form. */
  async acceptInvite(token: string): Promise<void> {
    const http = Deno.createHttpClient({ caCerts: [await this.hostCa()] });
    try {
      const answer = await fetch(`https://${this.proxyAddress}/web/invite/${token}`, {
        method: "POST",
        headers: { "content-type": "application/x-www-form-urlencoded" },
        body: new URLSearchParams({ password, again: password }),
        client: http,
      });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`the invite link answered ${answer.status}: ${text}`);
    } finally {
      http.close();
    }
  }

  async hostCa(): Promise<string> {
    const text = await this.remoteler(["get", "cert_authority/host", "--format=json"]);
    const found = JSON.parse(text);
    return (Array.isArray(found) ? found[0] : found).spec.trusted.map(pemOf).join("");
  }

  /** `tsh login` with the lab's password. */
  async login(person: Person, user: string): Promise<void> {
    await person.mustTsh([
      ...["login", `--proxy=${this.proxyAddress}`, `--user=${user}`],
      ...["--password-stdin", `--ca-pin=${this.caPin}`],
    ], password + "\n");
  }

  /** libpq's variables for a connection through the proxy, after `tsh db login`. */
  async through(person: Person, database: string): Promise<Record<string, string>> {
    return JSON.parse(await person.mustTsh(["db", "env", database, "--format=json"]));
  }

  /** libpq's variables for a connection straight to PostgreSQL with a certificate of its own. */
  async direct(databaseUser: string, databaseName: string): Promise<Record<string, string>> {
    const dir = join(this.dir, `direct-${databaseUser}`);
    await Deno.mkdir(dir, { recursive: true });
    const pair = await this.authority.client(databaseUser);
    await Deno.writeTextFile(join(dir, "cert.pem"), pair.cert);
    await Deno.writeTextFile(join(dir, "key.pem"), pair.key, { mode: 0o600 });
    await Deno.writeTextFile(join(dir, "ca.pem"), this.authority.pem);
    return {
      PGHOST: "localhost",
      PGPORT: String(this.postgres.port),
      PGUSER: databaseUser,
      PGDATABASE: databaseName,
      PGSSLMODE: "verify-full",
      PGSSLROOTCERT: join(dir, "ca.pem"),
      PGSSLCERT: join(dir, "cert.pem"),
      PGSSLKEY: join(dir, "key.pem"),
    };
  }

  /** Audit events that match, oldest first, once all that is under way has arrived. */
  async events(filter: readonly string[] = []): Promise<Record<string, unknown>[]> {
    const text = await this.remoteler(["audit", "search", "--format=json", "--limit=0", ...filter]);
    return JSON.parse(text);
  }

  /** The log's chain is whole, and nothing was lost or refused on the way to it. */
  async verifyAudit(): Promise<void> {
    await this.remoteler(["audit", "verify"]);
    const losses = await this.events(["--events=audit.spool.gap,audit.event.refused"]);
    if (losses.length > 0) throw new Error(`events were lost: ${JSON.stringify(losses)}`);
  }

  async close(): Promise<void> {
    for (const agent of this.agents) await agent?.stop();
    for (const proxy of this.#otherProxies) await proxy.stop();
    await this.proxy?.stop();
    await this.auth?.stop();
    await this.postgres?.stop("immediate");
  }
}

/** A fresh folder that other users may enter, since servers may run as one of them. */
export async function freshFolder(prefix: string): Promise<string> {
  const dir = await Deno.makeTempDir({ prefix });
  await must("chmod", ["0711", dir]);
  return dir;
}
