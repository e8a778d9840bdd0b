import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { settled, SteppingClock } from "../../tests/fakes/clock.ts";
import { Fault } from "../core/fault.ts";
import type { HostIdentity, UserIdentity } from "../core/identity.ts";
import { type ApiTransport, authClient } from "./client.ts";
import { type AuthClient, contract, type WatchChange } from "./contract.ts";
import {
  type ApiRequest,
  type ApiResponse,
  apiServer,
  type ApiServerOptions,
  type CallHandlers,
  type ProvenCaller,
} from "./server.ts";

const alice: UserIdentity = {
  v: 1,
  cluster: "c",
  kind: "human",
  user: "alice",
  roles: ["dev"],
  traits: {},
  generation: 1,
  loginIp: "",
  session: "s",
  issuer: "",
};
const host: HostIdentity = {
  v: 1,
  cluster: "c",
  kind: "host",
  host: "h",
  systemRoles: ["db"],
  services: [],
};
const admin: ProvenCaller = { kind: "admin" };
const user: ProvenCaller = { kind: "user", identity: alice, expires: 0 };
const agent: ProvenCaller = { kind: "host", identity: host, expires: 0 };
const proxy: ProvenCaller = {
  kind: "host",
  identity: { ...host, systemRoles: ["proxy"] },
  expires: 0,
};

/** Handlers that know nothing; a test overrides what it calls. */
function noHandlers(): CallHandlers {
  const refuse = (): Promise<never> => Promise.reject(new Error("secret detail at /etc/passwd"));
  const names = Object.keys(contract);
  const all: Record<string, () => Promise<never>> = {};
  for (const name of names) all[name] = refuse;
  return all as unknown as CallHandlers;
}

interface Setup {
  readonly caller?: ProvenCaller | Fault;
  readonly calls?: Partial<CallHandlers>;
  readonly watch?: ApiServerOptions["streams"]["watch"];
  readonly mayCall?: ApiServerOptions["mayCall"];
}

function setUp(setup: Setup) {
  const clock = new SteppingClock();
  const failures: string[] = [];
  const serve = apiServer({
    calls: { ...noHandlers(), ...setup.calls },
    streams: {
      watch: setup.watch ?? (async function* () {}),
      "audit.tail": async function* () {},
      "databases.test": async function* () {},
      "trials.watch": async function* () {},
    },
    authenticate: () =>
      setup.caller instanceof Fault
        ? Promise.reject(setup.caller)
        : Promise.resolve(setup.caller ?? admin),
    mayCall: setup.mayCall ?? (() => Promise.resolve(false)),
    failed: (call, _caller, fault) => void failures.push(`${call} ${fault.code}`),
    clock,
  });
  return { clock, failures, serve, client: authClient(transport(serve), clock) };
}

function request(path: string, body: string, signal = new AbortController().signal): ApiRequest {
  return {
    method: "POST",
    path,
    remoteAddress: "192.0.2.1:1",
    peerChain: [],
    signal,
    readBody: (max) => {
      const bytes = new TextEncoder().encode(body);
      if (bytes.length <= max) return Promise.resolve(bytes);
      const init = { kind: "limit", code: "test.body-too-long", message: "too long" } as const;
      return Promise.reject(new Fault(init));
    },
  };
}

async function textOf(response: ApiResponse): Promise<string> {
  if (response.body instanceof Uint8Array) return new TextDecoder().decode(response.body);
  let text = "";
  for await (const piece of response.body) text += new TextDecoder().decode(piece);
  return text;
}

function transport(serve: (request: ApiRequest) => Promise<ApiResponse>): ApiTransport {
  return {
    async post(path, body, signal) {
      const response = await serve(request(path, body, signal));
      return { status: response.status, body: await textOf(response) };
    },
    async *postLines(path, body, signal) {
      const response = await serve(request(path, body, signal));
      const pieces = response.body instanceof Uint8Array ? [response.body] : response.body;
      for await (const piece of pieces) {
        for (const line of new TextDecoder().decode(piece).replace(/\n$/, "").split("\n")) {
          yield line;
        }
      }
    },
  };
}

Deno.test("the events of a batch arrive as they were sent, as lines where they can", async () => {
  const inputs: unknown[] = [];
  const bodies: string[] = [];
  const { serve, clock } = setUp({
    caller: agent,
    calls: {
      "audit.append": (input) => {
        inputs.push(input);
        return Promise.resolve({ high: input.first });
      },
    },
  });
  const plain = transport(serve);
  const client = authClient({
    ...plain,
    post: (path, body, signal) => {
      bodies.push(body);
      return plain.post(path, body, signal);
    },
  }, clock);
  const events = ['{"a":"\\n"é\u2028"}', "{}", ""];
  const batch = { spool: "s", first: 7, contexts: ['{"b":1}'], context_of: [0, -1, 0] };
  await client.call("audit.append", { ...batch, events });
  await client.call("audit.append", { ...batch, events: ["two\nlines"] });
  deepEqual(inputs, [{ ...batch, events }, { ...batch, events: ["two\nlines"] }]);
  deepEqual(bodies, [
    `${JSON.stringify(batch)}\n${events.join("\n")}`,
    JSON.stringify({ ...batch, events: ["two\nlines"] }),
  ]);
});

Deno.test("a call reaches its handler with defaults filled in, and is answered", async () => {
  const inputs: unknown[] = [];
  const { client } = setUp({
    calls: {
      "tokens.create": (input) => {
        inputs.push(input);
        return Promise.resolve({ token: "t", name: "n", expires: "e", ca_pin: "p" });
      },
    },
  });
  const made = await client.call("tokens.create", { system_roles: ["db"] });
  equal(made.token, "t");
  deepEqual(inputs, [{ system_roles: ["db"], services: [], ttl_s: 1800, uses: 1 }]);
});

Deno.test("a fault arrives with kind, code, words and hint, but never its message", async () => {
  const { client } = setUp({
    calls: {
      "audit.head": () =>
        Promise.reject(
          new Fault({
            kind: "limit",
            code: "db.sessions-max",
            message: "internal words",
            shown: "full",
            hint: "wait",
          }),
        ),
    },
  });
  const fault = await client.call("audit.head", {}).then(() => null, (thrown) => thrown);
  ok(fault instanceof Fault);
  deepEqual([fault.kind, fault.code, fault.shown, fault.hint], [
    "limit",
    "db.sessions-max",
    "full",
    "wait",
  ]);
  ok(!fault.message.includes("internal words"));
});

Deno.test("a bug is answered as internal, without its words or a stack", async () => {
  const { serve, failures } = setUp({});
  const response = await serve(request("/v1/audit.head", "{}"));
  equal(response.status, 500);
  const text = await textOf(response);
  ok(!text.includes("passwd") && !text.includes("at "));
  deepEqual(JSON.parse(text), {
    error: { kind: "internal", code: "core.unexpected", shown: "internal error" },
  });
  deepEqual(failures, ["audit.head core.unexpected"]);
});

const badInputs: readonly [promise: string, path: string, body: string, status: number][] = [
  ["an unknown call", "/v1/nothing", "{}", 404],
  ["an inherited name", "/v1/constructor", "{}", 404],
  ["a path outside", "/v2/status", "{}", 404],
  ["no JSON", "/v1/status", "{", 400],
  ["an empty body", "/v1/status", "", 400],
  ["a null body", "/v1/audit.head", "null", 400],
  ["a list", "/v1/audit.head", "[]", 400],
  ["an unknown field", "/v1/audit.head", '{"x":1}', 400],
  ["a null where a name is needed", "/v1/resources.get", '{"kind":"user","name":null}', 400],
  ["an unknown kind", "/v1/resources.get", '{"kind":"secret","name":"a"}', 400],
  ["a missing password", "/v1/login.password", '{"user":"a"}', 400],
  ["a body over 2 MiB", "/v1/audit.head", `{"x":"${"a".repeat(2 << 20)}"}`, 429],
];
for (const [promise, path, body, status] of badInputs) {
  Deno.test(`${promise} is refused with ${status}`, async () => {
    const caller = path.includes("login") ? proxy : path.includes("status") ? user : admin;
    const { serve } = setUp({ caller });
    equal((await serve(request(path, body))).status, status);
  });
}

Deno.test("only POST is answered", async () => {
  const { serve } = setUp({});
  equal((await serve({ ...request("/v1/audit.head", "{}"), method: "GET" })).status, 404);
});

Deno.test("a refusal of input names fields and never values", async () => {
  const { serve } = setUp({ caller: proxy });
  const body = '{"user":"a","password":{"hunter2":1},"csr":"hunter2!"}';
  const text = await textOf(await serve(request("/v1/login.password", body)));
  ok(text.includes("password") && !text.includes("hunter2"), text);
});

const who: readonly [call: string, caller: ProvenCaller, code: string | null][] = [
  ["status", user, null],
  ["status", admin, "api.wrong-caller"],
  ["status", agent, "api.wrong-caller"],
  ["status", { kind: "nobody" }, "api.no-certificate"],
  ["agents.heartbeat", proxy, "api.wrong-caller"],
  ["agents.heartbeat", user, "api.wrong-caller"],
  ["proxies.heartbeat", agent, "api.wrong-caller"],
  ["login.password", user, "api.wrong-caller"],
  ["login.password", admin, "api.wrong-caller"],
  ["audit.append", user, "api.wrong-caller"],
  ["audit.head", admin, null],
  ["audit.head", agent, "api.wrong-caller"],
  ["audit.head", user, "api.not-allowed"],
];
for (const [call, caller, code] of who) {
  Deno.test(`${call} by ${JSON.stringify(caller).slice(0, 60)}: ${code ?? "allowed"}`, async () => {
    const { serve } = setUp({
      caller,
      calls: {
        status: () => Promise.resolve({ cluster: "c", user: "u", roles: [] }),
        "audit.head": () => Promise.resolve({ heads: [] }),
      },
    });
    const answer = JSON.parse(await textOf(await serve(request(`/v1/${call}`, "{}"))));
    equal(answer.error?.code ?? null, code);
  });
}

Deno.test("a rule is asked for the kind that the input names, and update to replace", async () => {
  const asked: string[] = [];
  const { serve } = setUp({
    caller: user,
    mayCall: (_identity, verb, on) => {
      asked.push(`${verb} ${on}`);
      return Promise.resolve(false);
    },
  });
  await serve(request("/v1/resources.list", '{"kind":"user"}'));
  await serve(request("/v1/resources.put", '{"resource":{"kind":"role"}}'));
  await serve(request("/v1/resources.put", '{"resource":{"kind":"role"},"replace":true}'));
  await serve(request("/v1/resources.remove", '{"__proto__":{"kind":"user"}}'));
  deepEqual(asked, ["list user", "create role", "update role", "delete "]);
});

Deno.test("a certificate with a route calls nothing that needs a rule", async () => {
  const identity = { ...alice, route: { service: "s", protocol: "postgres" } };
  const caller: ProvenCaller = { kind: "user", identity, expires: 0 };
  const { serve } = setUp({ caller, mayCall: () => Promise.resolve(true) });
  equal((await serve(request("/v1/audit.head", "{}"))).status, 403);
});

Deno.test("join is answered whatever certificate the caller shows", async () => {
  const refused = new Fault({ kind: "unauthenticated", code: "ca.expired", message: "expired" });
  const { serve } = setUp({ caller: refused });
  equal((await serve(request("/v1/join", "{}"))).status, 400);
  equal((await serve(request("/v1/status", "{}"))).status, 401);
});

Deno.test("a stream gives items and signs of life, and ends when the reader leaves", async () => {
  let ended = false;
  const { client, clock } = setUp({
    caller: agent,
    async *watch(_input, { signal }): AsyncGenerator<WatchChange> {
      try {
        yield { type: "ready" };
        await clock.sleep(15_000, signal);
        yield { type: "delete", kind: "user", name: "bob" };
        await clock.sleep(1e9, signal);
      } catch {
        // Left.
      } finally {
        ended = true;
      }
    },
  });
  const seen: string[] = [];
  const reading = (async () => {
    const signal = new AbortController().signal;
    for await (const change of client.stream("watch", { kinds: ["user"] }, signal)) {
      seen.push(change.type);
      if (change.type === "delete") break;
    }
  })();
  await clock.step(16_000);
  await reading;
  deepEqual([seen, ended], [["ready", "delete"], true]);
  equal(clock.pending, 0);
});

Deno.test("a stream that is silent for 9 s is lost, one with signs of life is not", async () => {
  const clock = new SteppingClock();
  const lines = (beats: number): ApiTransport => ({
    post: () => Promise.reject(new Error("unused")),
    async *postLines(_path, _body, signal) {
      for (let i = 0; i < beats; i++) {
        yield "";
        await clock.sleep(3_000, signal);
      }
      await clock.sleep(1e9, signal);
    },
  });
  const signal = new AbortController().signal;
  const stream = authClient(lines(6), clock).stream("watch", { kinds: ["user"] }, signal);
  const outcomes: unknown[] = [];
  const reading = stream[Symbol.asyncIterator]().next().catch((thrown) => outcomes.push(thrown));
  await clock.step(20_000);
  equal(outcomes.length, 0);
  await clock.step(8_000);
  await reading;
  const [outcome] = outcomes;
  ok(outcome instanceof Fault);
  equal(outcome.code, "api.unreachable");
  await settled();
  equal(clock.pending, 0);
});

Deno.test("a failure inside a stream is a fault for its reader", async () => {
  const { client } = setUp({
    caller: agent,
    async *watch(): AsyncGenerator<WatchChange> {
      yield { type: "ready" };
      throw new Fault({ kind: "unavailable", code: "backend.watch-behind", message: "behind" });
    },
  });
  const read = async (client: AuthClient) => {
    for await (
      const _ of client.stream("watch", { kinds: ["user"] }, new AbortController().signal)
    );
  };
  await rejects(read(client), { name: "Fault", code: "backend.watch-behind" });
});

const transports: readonly [promise: string, answer: () => Promise<unknown>, code: string][] = [
  ["a dead connection", () => Promise.reject(new TypeError("refused")), "api.unreachable"],
  ["HTML", () => Promise.resolve({ status: 502, body: "<html>" }), "api.bad-answer"],
  ["another JSON", () => Promise.resolve({ status: 200, body: '{"x":1}' }), "api.bad-answer"],
  ["a status alone", () => Promise.resolve({ status: 500, body: "{}" }), "api.bad-answer"],
];
for (const [promise, answer, code] of transports) {
  Deno.test(`${promise} is the fault ${code}`, async () => {
    const post = answer as ApiTransport["post"];
    const client = authClient({ post, async *postLines() {} }, new SteppingClock());
    await rejects(client.call("audit.head", {}), { name: "Fault", code });
  });
}

Deno.test("an aborted call is cancelled, not unreachable", async () => {
  const post = () => Promise.reject(new TypeError("aborted"));
  const client = authClient({ post, async *postLines() {} }, new SteppingClock());
  await rejects(client.call("audit.head", {}, AbortSignal.abort()), { code: "api.cancelled" });
});
