/**
 * A person's computer in tests: files in memory, a clock, a terminal, and a cluster that answers.
 */
import { SteppingClock } from "../../tests/fakes/clock.ts";
import { type PipeEnd } from "../../tests/fakes/pipe.ts";
import { SeededRandom } from "../../tests/fakes/random.ts";
import { type FakeAuthority, fakeAuthority, fakeHost, fakeNow, fakeUser } from "../ca/ca_fake.ts";
import { fakeHostCertificate } from "../ca/ca_fake.ts";
import { generateKey, issueUser, parseRequest } from "../ca/mod.ts";
import { type DatabaseList, databaseListOf, type VisibleDatabase } from "../api/database_list.ts";
import { failureOf } from "../api/failure.ts";
import { type FakeTerminal, fakeTerminal } from "../cli/terminal_fake.ts";
import { runProgram } from "../cli/mod.ts";
import { Fault } from "../core/fault.ts";
import type { HostIdentity } from "../core/identity.ts";
import type { HttpAnswer } from "../sys/http.ts";
import type { ClientTlsOptions } from "../sys/tls.ts";
import { clientCommands, clientGroups } from "./mod.ts";
import type { ClientPowers, HostPort, LocalConnection } from "./powers.ts";

export interface FakeComputer {
  readonly files: Map<string, string>;
  readonly clock: SteppingClock;
  readonly powers: ClientPowers;
  /** Requests to the proxy and to Auth, as `path body`. */
  readonly asked: { readonly path: string; readonly body: Record<string, unknown> }[];
  /** TLS connections, with whom they were to. */
  readonly dialled: { readonly to: HostPort; readonly options: ClientTlsOptions }[];
  readonly launched: {
    readonly program: string;
    readonly args: readonly string[];
    readonly environment: Readonly<Record<string, string>>;
  }[];
  readonly programs: Set<string>;
  /** Far ends of connections that were not HTTP. */
  readonly tunnels: PipeEnd[];
  /** The handler of the port that listens; null where none does. */
  listening: ((stream: LocalConnection) => void) | null;
  peerUser: number | null;
  readonly stop: AbortController;
  /** Who answers a ClientHello that names a database; null: the proxy itself. */
  agent: readonly Uint8Array[] | null;
  /** The proxy knows only the last of the names that ALPN offers. */
  isOld: boolean;
  /** A host certificate of the cluster. */
  hostChain(change: Partial<HostIdentity>): Promise<readonly Uint8Array[]>;
  /** What `login` and `certificates.route` fail with. */
  fault: Fault | null;
  databases: readonly VisibleDatabase[];
  /** Where the proxy takes programs of a protocol by a port of its own. */
  native: Readonly<Record<string, string>>;
  connect: (to: HostPort) => PipeEnd;
  /** Runs `tsh ARGS`; what was said before is forgotten. */
  tsh(args: readonly string[], stdin?: string): Promise<Said>;
}

export interface Said {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export async function fakeComputer(): Promise<FakeComputer> {
  const users = await fakeAuthority("user");
  const hosts = await fakeAuthority("host");
  const files = new Map<string, string>();
  const clock = new SteppingClock(fakeNow);
  let terminal: FakeTerminal = fakeTerminal();
  const proxyChain = await chainOf(hosts, { systemRoles: ["proxy", "auth"], services: [] });
  const computer: FakeComputer = {
    files,
    clock,
    asked: [],
    dialled: [],
    launched: [],
    programs: new Set(["psql"]),
    tunnels: [],
    listening: null,
    peerUser: 1000,
    stop: new AbortController(),
    agent: null,
    isOld: false,
    hostChain: (change) => chainOf(hosts, change),
    fault: null,
    databases: fakeDatabases,
    native: {},
    connect: () => {
      throw new Error("nothing to connect to");
    },
    tsh: async (args, stdin = "") => {
      terminal = fakeTerminal({ stdin });
      const program = {
        name: "tsh",
        summary: "",
        version: "0.1.0",
        commands: clientCommands,
        groups: clientGroups,
      };
      const code = await runProgram(program, args, computer.powers);
      return { code, stdout: terminal.stdout(), stderr: terminal.stderr() };
    },
    powers: {
      get terminal() {
        return terminal;
      },
      get signal() {
        return computer.stop.signal;
      },
      version: "0.1.0",
      clock,
      random: new SeededRandom(3),
      files: fakeFiles(files),
      env: (name) => ({ HOME: "/home/alice" })[name],
      userId: () => 1000,
      findProgram: (name) =>
        Promise.resolve(computer.programs.has(name) ? `/usr/bin/${name}` : null),
      runProgram: (program, args, environment) => {
        computer.launched.push({ program, args, environment });
        return Promise.resolve(0);
      },
      outputOf: (program) => Promise.resolve(`${program} 15.4\n`),
      onInterrupt: () => () => {},
      peerUser: () => Promise.resolve(computer.peerUser),
      network: {
        connectTcp: (to) => Promise.resolve(computer.connect(to)),
        connectTls: (to, options) => {
          computer.dialled.push({ to, options });
          const isNamed = options.serverName?.endsWith(".db.example.test") === true;
          const shown = isNamed ? computer.agent ?? proxyChain : proxyChain;
          const fault = typeof options.verify === "function" ? options.verify(shown) : null;
          if (fault !== null) return Promise.reject(fault);
          const stream = computer.connect(to);
          const { alpn: offered = [] } = options;
          const alpn = (computer.isOld ? offered.at(-1) : offered[0]) ?? null;
          return Promise.resolve(Object.assign(stream, { peerChain: proxyChain, alpn }));
        },
        listenTcp: (at, onConnection) => {
          computer.listening = onConnection;
          const port = at.port === 0 ? 45_001 : at.port;
          return Promise.resolve({
            address: { host: at.host, port },
            close: () => {
              computer.listening = null;
              return Promise.resolve();
            },
          });
        },
        http: () => ({
          post: (path, body) => answer(path, JSON.parse(body)),
          get: () =>
            Promise.resolve({ status: 200, body: JSON.stringify({ native: computer.native }) }),
          postLines: () => {
            throw new Error("not used");
          },
          close: () => {},
        }),
      },
    },
  };
  const answer = async (path: string, body: Record<string, unknown>): Promise<HttpAnswer> => {
    computer.asked.push({ path, body });
    if (computer.fault !== null && path !== "/v1/databases.list") {
      return { status: 400, body: JSON.stringify({ error: failureOf(computer.fault) }) };
    }
    const answered = path === "/v1/databases.list"
      ? listOf(computer.databases)
      : await answers(path, body, { users, hosts, clock, databases: computer.databases });
    return { status: 200, body: JSON.stringify(answered) };
  };
  return computer;
}

function listOf(databases: readonly VisibleDatabase[]): DatabaseList {
  return databaseListOf(databases.map(({ name, description, health, ...terms }) => {
    const { status, since, reason } = health;
    return { name, description, terms: { ...terms, status }, since, reason };
  }));
}

/** A host certificate with its CA. */
async function chainOf(
  hosts: FakeAuthority,
  change: Partial<HostIdentity>,
): Promise<readonly Uint8Array[]> {
  const { der } = await fakeHostCertificate(hosts, await generateKey(), fakeHost(change));
  return [der, hosts.der];
}

interface Cluster {
  readonly users: FakeAuthority;
  readonly hosts: FakeAuthority;
  readonly clock: SteppingClock;
  readonly databases: readonly VisibleDatabase[];
}

async function answers(
  path: string,
  body: Record<string, unknown>,
  { users, hosts, clock, databases }: Cluster,
): Promise<unknown> {
  const { spki } = await parseRequest(Uint8Array.fromBase64(String(body["csr"])));
  const order = { spki, now: clock.now(), expires: clock.now() + 3_600_000 };
  const random = new SeededRandom(9);
  const { der, expires } = await issueUser(users.issuer, {
    ...order,
    random,
    identity: fakeUser(),
  });
  const issued = { chain: [der.toBase64()], expires: new Date(expires).toISOString() };
  if (path === "/v1/certificates.route") {
    const asked = databases.find(({ name }) => name === body["service"]);
    return { ...issued, protocol: asked?.protocol ?? "postgres" };
  }
  return {
    ...issued,
    cluster: "example.test",
    user: body["user"],
    roles: ["access"],
    host_cas: [hosts.der.toBase64()],
  };
}

/** A database of MySQL. */
export const fakeShop: VisibleDatabase = {
  name: "shop",
  protocol: "mysql",
  description: "",
  labels: {},
  db_users: ["app"],
  db_names: ["shop"],
  online: true,
  require_end_to_end: false,
  health: { status: "healthy", since: "2026-01-02T03:04:05.000Z", reason: "" },
};

export const fakeDatabases: readonly VisibleDatabase[] = [
  {
    name: "orders",
    protocol: "postgres",
    description: "what was sold",
    labels: { env: "prod" },
    db_users: ["app"],
    db_names: ["*"],
    online: true,
    require_end_to_end: false,
    health: { status: "healthy", since: "2026-01-02T03:04:05.000Z", reason: "" },
  },
  {
    name: "billing",
    protocol: "postgres",
    description: "",
    labels: {},
    db_users: ["alice", "app"],
    db_names: ["bills"],
    online: false,
    require_end_to_end: true,
    health: { status: "offline", since: null, reason: "" },
  },
];

function fakeFiles(files: Map<string, string>): ClientPowers["files"] {
  return {
    readText: (path) => Promise.resolve(files.get(path) ?? null),
    writePrivate: (path, text) => {
      files.set(path, text);
      return Promise.resolve();
    },
    makeDirectory: () => Promise.resolve(),
    list: (path) => {
      const names = [...files.keys()]
        .filter((file) => file.startsWith(`${path}/`))
        .map((file) => file.slice(path.length + 1).split("/")[0] ?? "");
      return Promise.resolve([...new Set(names)].sort());
    },
    remove: (path) => {
      for (const file of [...files.keys()]) {
        if (file === path || file.startsWith(`${path}/`)) files.delete(file);
      }
      return Promise.resolve();
    },
  };
}
