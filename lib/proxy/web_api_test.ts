import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { SteppingClock } from "../../tests/fakes/clock.ts";
import type { AuthClient, CallOutput } from "../api/contract.ts";
import { Fault } from "../core/fault.ts";
import type { HttpRequest, HttpResponse } from "../sys/http.ts";
import { jsonLog } from "../sys/log.ts";
import { webApi } from "./web_api.ts";

type Call = Parameters<AuthClient["call"]>;

/** A web API whose Auth remembers what it was asked and answers `answer`, or throws it. */
function site(answer: Readonly<Record<string, unknown>> = {}) {
  const calls: { name: Call[0]; input: unknown }[] = [];
  const auth = {
    call<N extends Call[0]>(name: N, input: unknown): Promise<CallOutput<N>> {
      calls.push({ name, input });
      const found: unknown = answer[name];
      if (found instanceof Fault) return Promise.reject(found);
      return Promise.resolve(found as CallOutput<N>);
    },
  };
  const clock = new SteppingClock();
  const lines: string[] = [];
  const log = jsonLog({ clock, level: "debug", write: (line) => lines.push(line) });
  const handler = webApi({
    auth,
    clock,
    log,
    cluster: "example.test",
    version: "1.2.3",
    caPin: "sha256:00",
    publicAddress: () => "proxy.example.test:443",
    natives: () => ({ mysql: "proxy.test:3036" }),
  });
  return { handler, calls, clock, lines };
}

function request(
  method: string,
  path: string,
  body: string = "",
  headers: Readonly<Record<string, string>> = {},
): HttpRequest {
  return {
    method,
    path,
    query: "",
    headers: { host: "proxy.example.test", ...headers },
    peerChain: [],
    remoteAddress: "192.0.2.7:5000",
    signal: new AbortController().signal,
    readBody: () => Promise.resolve(new TextEncoder().encode(body)),
  };
}

function text({ body }: HttpResponse): string {
  ok(typeof body === "string");
  return body;
}

const json = { "content-type": "application/json" };
const form = { "content-type": "application/x-www-form-urlencoded" };
const login = { user: "alice", password: "secret word", csr: "AAAA" };
const invite = { user: "al<b>", expires: "2026-01-03T00:00:00.000Z" };

Deno.test("ping says which cluster this is, and its pin", async () => {
  const { handler } = site();
  deepStrictEqual(JSON.parse(text(await handler(request("GET", "/v1/ping")))), {
    cluster: "example.test",
    version: "1.2.3",
    ca_pin: "sha256:00",
    public_addr: "proxy.example.test:443",
    native: { mysql: "proxy.test:3036" },
  });
});

Deno.test("a login is passed to Auth with the client's address, and its answer back", async () => {
  const { handler, calls } = site({ "login.password": { user: "alice" } });
  const answer = await handler(request("POST", "/v1/login", JSON.stringify(login), json));
  deepStrictEqual([answer.status, JSON.parse(text(answer))], [200, { user: "alice" }]);
  deepStrictEqual(calls, [
    { name: "login.password", input: { ...login, client_address: "192.0.2.7:5000" } },
  ]);
});

const badLogins = [
  ["not JSON", "{", json, 400],
  ["a missing field", JSON.stringify({ user: "a" }), json, 400],
  ["an unknown field", JSON.stringify({ ...login, admin: true }), json, 400],
  ["a form", "user=a", form, 400],
  [
    "another site's page",
    JSON.stringify(login),
    { ...json, origin: "https://evil.test" },
    403,
  ],
] as const;
for (const [what, body, headers, status] of badLogins) {
  Deno.test(`a login that is ${what} never reaches Auth`, async () => {
    const { handler, calls, lines } = site();
    const answer = await handler(request("POST", "/v1/login", body, headers));
    deepStrictEqual([answer.status, calls], [status, []]);
    ok(lines.length > 0 && !lines.join().includes("secret word"));
  });
}

Deno.test("Auth's refusal is told by kind, code and words, nothing of its message", async () => {
  const fault = new Fault({
    kind: "unauthenticated",
    code: "test.bad-login",
    message: "inner",
    shown: "wrong user or password",
    hint: "try again",
  });
  const { handler } = site({ "login.password": fault });
  const answer = await handler(request("POST", "/v1/login", JSON.stringify(login), json));
  strictEqual(answer.status, 401);
  deepStrictEqual(JSON.parse(text(answer)), {
    error: {
      kind: "unauthenticated",
      code: "test.bad-login",
      shown: "wrong user or password",
      hint: "try again",
    },
  });
});

Deno.test("attempts from one address are limited, and told when to come back", async () => {
  const { handler, clock, calls } = site({ "login.password": {} });
  const attempt = () => handler(request("POST", "/v1/login", JSON.stringify(login), json));
  for (let at = 0; at < 10; at += 1) strictEqual((await attempt()).status, 200);
  const refused = await attempt();
  deepStrictEqual([refused.status, refused.headers["retry-after"]], [429, "6"]);
  strictEqual(calls.length, 10);
  clock.advance(6000);
  strictEqual((await attempt()).status, 200);
});

Deno.test("the invite page shows the user, escaped, and runs nothing", async () => {
  const { handler, calls } = site({ "invites.read": invite });
  const answer = await handler(request("GET", "/web/invite/tok_EN-1"));
  strictEqual(answer.status, 200);
  match(text(answer), /<strong>al&lt;b&gt;<\/strong>/);
  ok(!/<script|onload|al<b>/.test(text(answer)));
  match(answer.headers["content-security-policy"] ?? "", /^default-src 'none'; style-src 'self';/);
  strictEqual(answer.headers["referrer-policy"], "same-origin");
  deepStrictEqual(calls, [{ name: "invites.read", input: { token: "tok_EN-1" } }]);
});

Deno.test("a password is set by the form and by JSON", async () => {
  const { handler, calls } = site({ "invites.accept": { user: "alice" } });
  const filled = "username=x&password=a+long%20word&again=a+long+word";
  const page = await handler(request("POST", "/web/invite/t", filled, form));
  match(text(page), /tsh login --proxy=proxy\.example\.test:443 --user=alice/);
  const body = JSON.stringify({ password: "a long word" });
  const answer = await handler(request("POST", "/web/invite/t", body, json));
  deepStrictEqual(JSON.parse(text(answer)), { user: "alice" });
  const input = { token: "t", password: "a long word", client_address: "192.0.2.7:5000" };
  deepStrictEqual(calls, [{ name: "invites.accept", input }, { name: "invites.accept", input }]);
});

Deno.test("passwords that differ, or won't do, show the form again with the reason", async () => {
  const weak = new Fault({ kind: "invalid", code: "test.weak", message: "m", shown: "short" });
  const { handler, calls } = site({ "invites.read": invite, "invites.accept": weak });
  const differing = await handler(request("POST", "/web/invite/t", "password=a&again=b", form));
  deepStrictEqual([differing.status, calls.map(({ name }) => name)], [400, ["invites.read"]]);
  match(text(differing), /the two passwords are not the same[^]*<form/);
  const short = await handler(request("POST", "/web/invite/t", "password=a&again=a", form));
  match(text(short), /role="alert">short<[^]*<form/);
});

Deno.test("a spent link is a page, not a stack, and its token is never logged", async () => {
  const spent = new Fault({
    kind: "missing",
    code: "test.no-invite",
    message: "m",
    shown: "s",
  });
  const { handler, lines } = site({ "invites.read": spent });
  const answer = await handler(request("GET", "/web/invite/SECRETTOKEN"));
  deepStrictEqual([answer.status, answer.headers["content-type"]], [
    404,
    "text/html; charset=utf-8",
  ]);
  ok(lines.length > 0 && !lines.join().includes("SECRETTOKEN"));
});

Deno.test("every answer has the strict headers, and nothing else is served", async () => {
  const { handler } = site();
  for (const path of ["/", "/web/style.css", "/v1/ping", "/nothing", "/web/../etc/passwd"]) {
    const { headers, status } = await handler(request("GET", path));
    strictEqual(headers["x-content-type-options"], "nosniff");
    strictEqual(headers["x-frame-options"], "DENY");
    ok(headers["strict-transport-security"]);
    strictEqual(status, path.includes("nothing") || path.includes("..") ? 404 : 200);
  }
  strictEqual((await handler(request("DELETE", "/v1/ping"))).status, 404);
});
