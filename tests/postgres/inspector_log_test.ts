import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type {
  LoggedIn,
  Startup,
  Statement,
  StatementResult,
  StreamedStatement,
  Tap,
} from "../../lib/wire/protocol.ts";
import { postgres } from "../../lib/wire/postgres/mod.ts";
import type { StreamSizes } from "../../lib/wire/streaming.ts";
import { query } from "../fakes/postgres_messages.ts";
import { UpstreamRefused } from "../../lib/wire/upstream_refused.ts";
import { dial, drive, type Pulled } from "./drive.ts";
import { type LogCase, logCases, type Round } from "./log_cases.ts";
import { parserCases } from "./parser_cases.ts";
import { gateOf, unsaid } from "../fakes/gate.ts";
import { skipped } from "../site.ts";
import { checkTypes } from "./types_check.ts";
import { installedServer, type LogLine, type Server, startServer, until } from "./server.ts";

const folder = installedServer();
const ignore = folder === null;
if (ignore) skipped("postgres inspector against the server's log", "PostgreSQL is not installed");

interface Happening {
  readonly statement: Statement;
  result: StatementResult | null;
}

const startup: Startup = {
  user: "postgres",
  database: null,
  parameters: new Map([["application_name", "inspector test"], ["client_encoding", "UTF8"]]),
  clientProgram: "inspector test",
  replication: false,
  version: "3.0",
};

async function enter(
  server: Server,
  user: string,
  how: { password?: string; certificate?: boolean; database?: string } = {},
): Promise<{ stream: Pulled; loggedIn: LoggedIn }> {
  const stream = await dial(server.port);
  const tls = {
    ca: server.ca,
    servername: "localhost",
    ...how.certificate ? { cert: server.clientCert, key: server.clientKey } : {},
  };
  const script = postgres.login({
    user,
    database: how.database ?? "postgres",
    startup,
    replication: false,
    nonce: randomBytes(24),
  });
  try {
    const loggedIn = await drive(script, stream, {
      tls,
      ...how.password === undefined ? {} : { password: how.password },
    });
    return { stream, loggedIn };
  } catch (error) {
    await stream.close();
    throw error;
  }
}

/**
 * One session through an inspector; each round ends when the client has had so many ReadyForQuery.
 */
async function visit(
  server: Server,
  rounds: readonly Round[],
  sizes?: StreamSizes,
): Promise<[number, Happening[]]> {
  const { stream, loggedIn } = await enter(server, "postgres");
  const inspector = postgres.inspector(sizes);
  const happened: Happening[] = [];
  const texts = new Map<StreamedStatement, string>();
  const gate = gateOf({
    forward: (bytes) => stream.write(bytes),
    statement: (statement, streamed) => {
      if (streamed !== undefined) texts.set(streamed, statement.text);
      const text = statement.textOf === undefined ? statement.text : texts.get(statement.textOf);
      happened.push({ statement: { ...statement, text: text ?? "" }, result: null });
    },
  });
  let waiting = 0;
  let seen = "";
  const tap: Tap = {
    forward: () => {},
    lateStatement: (statement) => happened.push({ statement, result: null }),
    result: (id, result) => {
      const of = happened.find((one) => one.statement.id === id);
      if (of === undefined || of.result !== null) {
        throw new Error("A result of nothing or a second");
      }
      of.result = result;
    },
    idle: () => {},
    ...unsaid,
  };
  for (const round of rounds) {
    inspector.client(round.send, gate);
    for (waiting = round.until.length; waiting > 0;) {
      const bytes = await stream.some();
      if (bytes === null) throw new Error("The server closed the session");
      inspector.server(bytes, tap);
      seen += types(bytes);
      while (waiting > 0 && seen.includes(round.until[round.until.length - waiting] ?? "?")) {
        const mark = round.until[round.until.length - waiting] ?? "?";
        seen = seen.slice(seen.indexOf(mark) + 1);
        waiting -= 1;
      }
    }
  }
  inspector.close(tap);
  await stream.close();
  return [loggedIn.backendPid ?? 0, happened];
}

/** Types of the messages in a chunk; the cases' answers are short enough to come whole. */
function types(bytes: Uint8Array): string {
  let found = "";
  for (let at = 0; at + 5 <= bytes.length;) {
    found += String.fromCharCode(bytes[at] ?? 0);
    at += 1 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(at + 1);
  }
  return found;
}

/** How a statement was run, and its text (of a FunctionCall the OID and a bracket). */
const loggedStatement = new RegExp(
  "^(?:(statement): |(execute fetch from|execute) [^:]*: |" +
    "(fastpath) function call: .*OID )([^]*)$",
);

/** What the server logged of a backend's statements: how, and the text. */
function logged(lines: readonly LogLine[], pid: number): { how: string; text: string }[] {
  return lines.filter((line) => line.pid === pid && line.error_severity === "LOG").flatMap(
    (line) => {
      const found = loggedStatement.exec(line.message);
      if (found === null) return [];
      const how = found[1] ?? found[2] ?? found[3] ?? "";
      return [{
        how,
        text: how === "fastpath" ? (found[4] ?? "").replace(")", "") : found[4] ?? "",
      }];
    },
  );
}

/** The rule of docs/audit-postgres.md: these, and only these, the server never took note of. */
function isLogged({ statement, result }: Happening): boolean {
  return statement.command !== "prepare" && result?.outcome !== "parse_error" &&
    result?.outcome !== "skipped";
}

function asLogged({ statement }: Happening): { how: string; text: string } {
  if (statement.command === "query") return { how: "statement", text: statement.text };
  if (statement.command === "function") {
    return { how: "fastpath", text: statement.text.replace(/^.*OID (\d+)\)?$/, "$1") };
  }
  return { how: "execute", text: statement.text };
}

Deno.test({
  name: "postgres: against a real server",
  ignore,
  // node:net keeps handles of its own for closed sockets.
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async (t) => {
    const server = await startServer(folder ?? "");
    try {
      await t.step("logs in by each method and learns key, pid and settings", () => logins(server));
      await t.step("tells why the database refused", () => refusals(server));
      await t.step("reads binary parameters as the server writes them", async () => {
        const { stream } = await enter(server, "postgres");
        await checkTypes(stream).finally(() => stream.close());
      });
      for (const one of [...logCases, ...parserCases]) {
        const name = `each statement in the server's log is one event: ${one.name}`;
        await t.step(name, () => matches(server, one));
        if (needWholeTexts.has(one.name) || parserCases.includes(one)) continue;
        await t.step(`${name}, in pieces`, () => matches(server, one, inPieces));
      }
    } finally {
      await server.stop();
    }
  },
});

async function logins(server: Server): Promise<void> {
  const admin = await enter(server, "postgres");
  const roles = ["carl", "sara", "clara"].map((user) =>
    `create role ${user} login password 'pass-${user}';`
  );
  const text = roles.join("") + "set password_encryption = 'md5';" +
    "create role mona login password 'pass-mona'";
  admin.stream.write(query(text));
  await admin.stream.some();
  await admin.stream.close();
  for (
    const [user, how] of [
      ["carl", { certificate: true }],
      ["sara", { password: "pass-sara" }],
      ["mona", { password: "pass-mona" }],
      ["clara", { password: "pass-clara" }],
    ] as const
  ) {
    const { stream, loggedIn } = await enter(server, user, how);
    strictEqual(loggedIn.serverVersion !== "", true);
    strictEqual(loggedIn.backendPid, loggedIn.cancelKey?.processId);
    strictEqual(loggedIn.greeting.length > 5, true);
    await stream.close();
  }
}

async function refusals(server: Server): Promise<void> {
  const refused = (code: string) => (error: unknown) =>
    error instanceof UpstreamRefused && error.code === code && error.severity === "FATAL";
  await rejects(enter(server, "postgres", { database: "nix" }), refused("3D000"));
  await rejects(enter(server, "sara", { password: "wrong" }), refused("28P01"));
  await rejects(enter(server, "stranger"), refused("28000"));
  await rejects(enter(server, "carl"), refused("28000"));
}

/** So small that all texts of the cases come in pieces. */
const inPieces: StreamSizes = { wholeMax: 4, piece: 8, lag: 3 };
/** What only the whole text tells is not told of one that came in pieces. */
const needWholeTexts: ReadonlySet<string> = new Set([
  "syntax errors in bodies within a statement are logged",
  "names that SQL gave, used by the protocol",
]);

async function matches(server: Server, one: LogCase, sizes?: StreamSizes): Promise<void> {
  const [pid, happened] = await visit(server, one.rounds, sizes);
  // All of a backend's lines are there once its last one is.
  await until(async () =>
    (await server.log()).some((line) =>
      line.pid === pid && line.message.startsWith("disconnection:")
    )
  );
  deepStrictEqual(happened.filter((each) => each.result === null), []);
  const want = logged(await server.log(), pid);
  const got = happened.filter(isLogged);
  deepStrictEqual(
    got.map(asLogged),
    want.map((line, at) => {
      const again = got[at]?.statement.reexecution === true;
      if (line.how === "execute fetch from") strictEqual(again, true, "marked");
      return { ...line, how: again ? "execute" : line.how };
    }),
  );
  const events = happened.map(({ statement, result }) =>
    `${statement.command} ${result?.outcome} ${result?.success ? "ok" : "failed"}` +
    ` ${result?.rows} ${result?.error?.code ?? ""}`.trimEnd()
  );
  // In pieces, each Parse is told of by itself.
  const told = (all: readonly string[]) =>
    sizes === undefined ? all : all.filter((line) => !line.startsWith("prepare "));
  deepStrictEqual(told(events), told(one.events));
}
