/**
 * The doors between the rooms. A file may import its own room, what the table allows, and nothing
 * else; the rooms make no cycle; only `lib/sys` names the runtime.
 */
import { deepStrictEqual, ok } from "node:assert/strict";
import { roomOf, type Source, sources, target } from "./house.ts";

interface Doors {
  /** Rooms it may import. */
  readonly rooms: readonly string[];
  /** Rooms it may import types from, and nothing that runs. */
  readonly types?: readonly string[];
  /** Packages it may import. */
  readonly packages?: readonly string[];
  /** Why the door is no wider: printed when something tries. */
  readonly because: string;
}

const pure = ["bytes", "core", "schema", "access", "ca", "tunnel", "wire"];
const service = [...pure, "backend", "audit", "identity", "api"];

/** The order is the order of the building: a room imports only rooms above it. */
const rooms: Readonly<Record<string, Doors>> = {
  bytes: { rooms: [], because: "bytes is the ground floor" },
  core: { rooms: [], because: "core holds interfaces and pure code that all rooms share" },
  schema: {
    rooms: [],
    packages: ["valibot", "@valibot/to-json-schema"],
    because: "schema is the one door to the schema library",
  },
  wire: {
    rooms: ["bytes"],
    packages: ["node:crypto"],
    because: "protocols do no I/O and know no product: no promise, date, timer or random",
  },
  access: { rooms: ["core"], because: "a decision is a pure function of its arguments" },
  ca: {
    rooms: ["bytes", "core"],
    packages: ["node:crypto"],
    because: "who may hold a certificate is decided elsewhere; here it is built and read",
  },
  tunnel: { rooms: ["bytes", "core"], because: "the multiplexer runs over any channel" },
  backend: { rooms: ["bytes", "core", "schema"], because: "a store knows no resource" },
  audit: {
    rooms: ["bytes", "core", "schema"],
    because: "evidence is written without the services",
  },
  identity: {
    rooms: ["bytes", "core", "schema"],
    because: "how people prove who they are knows nothing of what they may do",
  },
  api: {
    rooms: ["bytes", "core", "schema"],
    types: ["ca", "access", "audit"],
    because: "the contract is what services share; it can't depend on one of them",
  },
  sys: {
    rooms: ["bytes", "core"],
    // The thread that hashes passwords is started, and is, there.
    packages: ["node:*", "hash-wasm"],
    because: "the runtime's adapters serve every room and decide nothing",
  },
  config: {
    rooms: ["core", "schema"],
    packages: ["yaml"],
    because: "reading a configuration file starts nothing",
  },
  cli: {
    rooms: ["core"],
    packages: ["commander", "yaml"],
    because: "a command line is words and tables; what a command does is handed in",
  },
  auth: { rooms: service, types: ["sys"], because: "services never import each other" },
  proxy: { rooms: service, types: ["sys"], because: "services never import each other" },
  db: {
    rooms: service,
    types: ["sys"],
    packages: ["@noble/ed25519"],
    because: "services never import each other",
  },
  client: {
    rooms: [...service, "cli"],
    types: ["sys"],
    because: "tsh speaks to the services through lib/api only",
  },
  admin: {
    rooms: [...service, "cli", "config"],
    types: ["sys", "service"],
    because: "the administrator's commands speak to Auth through lib/api only",
  },
  service: {
    rooms: [...service, "sys", "config", "auth", "proxy", "db"],
    because: "compose wires services; it has no command line",
  },
  cmd: {
    rooms: [...service, "sys", "cli", "config", "client", "admin", "service"],
    because: "a main wires and does nothing by itself",
  },
};

Deno.test("rooms import only what the doors allow", async () => {
  const wrong: string[] = [];
  for (const source of await sources("lib", "cmd")) {
    if (isTest(source)) continue;
    wrong.push(...trespasses(source));
  }
  deepStrictEqual(wrong, []);
});

Deno.test("only lib/sys names the runtime", async () => {
  const wrong: string[] = [];
  for (const source of await sources("lib", "cmd")) {
    if (isTest(source) || roomOf(source.path) === "sys") continue;
    for (const found of source.findings) {
      if (found.rule === "runtime") wrong.push(`${source.path}:${found.line} ${found.text}`);
    }
  }
  deepStrictEqual(wrong, []);
});

Deno.test("no room of the table is a ghost and no room is missing from it", async () => {
  const seen = new Set((await sources("lib", "cmd")).map((source) => roomOf(source.path)));
  deepStrictEqual([...seen].filter((room) => room === null || !(room in rooms)), []);
  deepStrictEqual(Object.keys(rooms).filter((room) => !seen.has(room)), []);
});

Deno.test("the doors themselves make no cycle", () => {
  const names = Object.keys(rooms);
  for (const [room, doors] of Object.entries(rooms)) {
    for (const other of doors.rooms) {
      ok(names.indexOf(other) < names.indexOf(room), `${room} is built before ${other}`);
    }
  }
});

Deno.test("no files import each other in a cycle", async () => {
  deepStrictEqual(cycles(await sources("lib", "cmd")), []);
});

Deno.test("a trespass is named with its reason", () => {
  const source: Source = {
    path: "lib/db/agent.ts",
    text: "",
    findings: [],
    imports: [
      { line: 3, from: "../proxy/route.ts", typeOnly: true, lazy: false },
      { line: 4, from: "../sys/tcp.ts", typeOnly: false, lazy: false },
      { line: 5, from: "node:net", typeOnly: false, lazy: true },
      { line: 6, from: "../core/fault.ts", typeOnly: false, lazy: false },
    ],
  };
  const because = "because services never import each other";
  deepStrictEqual(trespasses(source), [
    `lib/db/agent.ts:3 may not import proxy, ${because}`,
    `lib/db/agent.ts:4 may import only types of sys, ${because}`,
    `lib/db/agent.ts:5 may not import node:net, ${because}`,
  ]);
});

function isTest(source: Source): boolean {
  return /(_test|_fake|_cases)\.tsx?$/.test(source.path);
}

function trespasses(source: Source): readonly string[] {
  const room = roomOf(source.path) ?? "";
  const doors = rooms[room];
  if (doors === undefined) return [`${source.path} is in no room of the table`];
  const wrong: string[] = [];
  for (const { line, from, typeOnly } of source.imports) {
    const where = `${source.path}:${line}`;
    const file = target(source, from);
    if (file === null) {
      if (!allowsPackage(doors, from)) {
        wrong.push(`${where} may not import ${from}, because ${doors.because}`);
      }
      continue;
    }
    const other = roomOf(file);
    if (other === null || isTest({ ...source, path: file })) {
      wrong.push(`${where} may not import ${file}: it is in no room`);
    } else if (other === room || doors.rooms.includes(other)) {
      continue;
    } else if (!doors.types?.includes(other)) {
      wrong.push(`${where} may not import ${other}, because ${doors.because}`);
    } else if (!typeOnly) {
      wrong.push(`${where} may import only types of ${other}, because ${doors.because}`);
    }
  }
  return wrong;
}

function allowsPackage(doors: Doors, from: string): boolean {
  return (doors.packages ?? []).some((allowed) =>
    allowed.endsWith("*") ? from.startsWith(allowed.slice(0, -1)) : allowed === from
  );
}

/** Every cycle of imports that run, as `a -> b -> a`; lazy imports and types can't make one. */
function cycles(all: readonly Source[]): readonly string[] {
  const byPath = new Map(all.map((source) => [source.path, source]));
  const done = new Set<string>();
  const found: string[] = [];
  const walk = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) {
      found.push([...trail.slice(trail.indexOf(path)), path].join(" -> "));
      return;
    }
    if (done.has(path)) return;
    const source = byPath.get(path);
    for (const edge of source?.imports ?? []) {
      const next = source === undefined || edge.typeOnly || edge.lazy
        ? null
        : target(source, edge.from);
      if (next !== null) walk(next, [...trail, path]);
    }
    done.add(path);
  };
  for (const path of byPath.keys()) walk(path, []);
  return found;
}
