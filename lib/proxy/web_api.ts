/** The public web API: login, invite links, and who this is. Everything else is at Auth. */
import type { AuthClient } from "../api/contract.ts";
import { failureOf, faultOfThrown, parseJson } from "../api/failure.ts";
import type { Clock } from "../core/clock.ts";
import { asFault, Fault, httpStatuses } from "../core/fault.ts";
import type { Log } from "../core/log.ts";
import { read, v } from "../schema/mod.ts";
import type { HttpHandler, HttpRequest, HttpResponse } from "../sys/http.ts";
import { loginBurst, loginPeriodMs, webBodyBytesMax } from "./limits.ts";
import { RateLimit } from "./rate_limit.ts";
import { donePage, frontPage, invitePage, problemPage, styleSheet } from "./web_pages.ts";

export interface WebPowers {
  readonly auth: Pick<AuthClient, "call">;
  readonly clock: Clock;
  readonly log: Log;
  readonly cluster: string;
  readonly version: string;
  /** `sha256:<hex>` of the host CA. */
  readonly caPin: string;
  /** `host:port` that people reach this proxy at. */
  readonly publicAddress: () => string;
  /** `host:port` by protocol, where programs of one come in by a port of its own. */
  readonly natives: () => Readonly<Record<string, string>>;
}

const words = v.pipe(v.string(), v.minLength(1), v.maxLength(1024));
const loginBody = v.strictObject({
  user: words,
  password: words,
  /** PKCS#10 in base64. */
  csr: v.pipe(v.string(), v.maxLength(65_536), v.base64("base64")),
  ttl_s: v.optional(v.pipe(v.number(), v.safeInteger(), v.minValue(1))),
});
const inviteBody = v.strictObject({ password: words });

/** On every answer. No script runs, nothing is loaded from elsewhere, nobody may frame it. */
const strictHeaders = {
  "cache-control": "no-store",
  "content-security-policy":
    "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; " +
    "frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  // The path of an invite is a secret that must not travel on; "no-referrer" would make the form's
  // own Origin "null".
  "referrer-policy": "same-origin",
  "strict-transport-security": "max-age=31536000",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
} as const;

/** Answers requests of anybody; never throws. */
export function webApi(powers: WebPowers): HttpHandler {
  const api = new WebApi(powers);
  return (request) => api.answer(request);
}

class WebApi {
  readonly #powers: WebPowers;
  readonly #limit: RateLimit;

  constructor(powers: WebPowers) {
    this.#powers = powers;
    this.#limit = new RateLimit(powers.clock, loginBurst, loginPeriodMs);
  }

  async answer(request: HttpRequest): Promise<HttpResponse> {
    const isPage = request.path === "/" || request.path.startsWith("/web/");
    try {
      return await this.#route(request);
    } catch (thrown) {
      const fault = faultOfThrown(thrown);
      this.#report(fault, request);
      const status = httpStatuses[fault.kind];
      const retry = fault.fields["retry_s"];
      const more = retry === undefined ? {} : { "retry-after": String(retry) };
      if (!isPage || wantsJson(request)) return json({ error: failureOf(fault) }, status, more);
      return html(problemPage("That didn't work", fault.shown), status, more);
    }
  }

  async #route(request: HttpRequest): Promise<HttpResponse> {
    const { cluster, publicAddress } = this.#powers;
    const { method, path } = request;
    const isRead = method === "GET" || method === "HEAD";
    if (path === "/v1/ping" && isRead) return this.#ping();
    if (path === "/v1/login" && method === "POST") return await this.#login(request);
    if (path === "/" && isRead) return html(frontPage(cluster, publicAddress()));
    if (path === "/web/style.css" && isRead) return css();
    const token = /^\/web\/invite\/([A-Za-z0-9_-]{1,256})$/.exec(path)?.[1];
    if (token !== undefined && isRead) return await this.#invite(token, request);
    if (token !== undefined && method === "POST") return await this.#accept(token, request);
    const shown = "there is nothing at this address";
    throw new Fault({ kind: "missing", code: "proxy.no-page", message: shown, shown });
  }

  #ping(): HttpResponse {
    const { cluster, version, caPin, publicAddress, natives } = this.#powers;
    const public_addr = publicAddress();
    return json({ cluster, version, ca_pin: caPin, public_addr, native: natives() });
  }

  async #login(request: HttpRequest): Promise<HttpResponse> {
    this.#admit(request);
    const input = read(loginBody, await jsonBody(request), "login");
    const { user, password, csr, ttl_s } = input;
    const client_address = request.remoteAddress;
    const asked = { user, password, csr, client_address };
    const order = ttl_s === undefined ? asked : { ...asked, ttl_s };
    return json(await this.#powers.auth.call("login.password", order, request.signal));
  }

  async #invite(token: string, request: HttpRequest): Promise<HttpResponse> {
    this.#admit(request);
    const { user, expires } = await this.#read(token, request);
    return html(invitePage(user, expires, null));
  }

  async #accept(token: string, request: HttpRequest): Promise<HttpResponse> {
    this.#admit(request);
    const { auth, publicAddress } = this.#powers;
    const client_address = request.remoteAddress;
    if (isJson(request)) {
      const { password } = read(inviteBody, await jsonBody(request), "invite");
      const order = { token, password, client_address };
      return json(await auth.call("invites.accept", order, request.signal));
    }
    const { password, again } = await formBody(request);
    try {
      if (password === "" || password !== again) throw differ();
      const order = { token, password, client_address };
      const { user } = await auth.call("invites.accept", order, request.signal);
      return html(donePage(user, publicAddress()));
    } catch (thrown) {
      const fault = asFault(thrown);
      if (fault.kind !== "invalid") throw thrown;
      // A password that won't do: the form again, with the reason, as long as the link holds.
      const { user, expires } = await this.#read(token, request);
      return html(invitePage(user, expires, fault.shown), 400);
    }
  }

  #read(token: string, request: HttpRequest): Promise<{ user: string; expires: string }> {
    return this.#powers.auth.call("invites.read", { token }, request.signal);
  }

  #admit(request: HttpRequest): void {
    sameOrigin(request);
    const waitMs = this.#limit.take(request.remoteAddress);
    if (waitMs === 0) return;
    const retry_s = Math.ceil(waitMs / 1000);
    throw new Fault({
      kind: "limit",
      code: "proxy.too-many-logins",
      message: "too many attempts from one address",
      shown: `too many attempts from your address, try again in ${retry_s} s`,
      fields: { retry_s },
    });
  }

  /** Never the path: that of an invite is a secret. */
  #report(fault: Fault, { method, remoteAddress }: HttpRequest): void {
    const { kind, code, message } = fault;
    const fields = { kind, code, message, method, client: remoteAddress };
    if (kind === "internal") this.#powers.log.error("a web request failed", fields);
    else this.#powers.log.info("a web request was refused", fields);
  }
}

/** A browser says where a form comes from; one from elsewhere is somebody else's (CSRF). */
function sameOrigin({ method, headers }: HttpRequest): void {
  const origin = headers["origin"];
  if (method !== "POST" || origin === undefined) return;
  if (origin === `https://${headers["host"] ?? ""}`) return;
  const shown = "the request comes from another site";
  throw new Fault({ kind: "denied", code: "proxy.other-origin", message: shown, shown });
}

async function jsonBody(request: HttpRequest): Promise<unknown> {
  if (!isJson(request)) throw wrongType("application/json");
  return parseJson(new TextDecoder().decode(await request.readBody(webBodyBytesMax)));
}

async function formBody(request: HttpRequest): Promise<{ password: string; again: string }> {
  if (mediaType(request) !== "application/x-www-form-urlencoded") {
    throw wrongType("application/x-www-form-urlencoded");
  }
  const text = new TextDecoder().decode(await request.readBody(webBodyBytesMax));
  const form = new URLSearchParams(text);
  return { password: form.get("password") ?? "", again: form.get("again") ?? "" };
}

function mediaType({ headers }: HttpRequest): string {
  return (headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

function isJson(request: HttpRequest): boolean {
  return mediaType(request) === "application/json";
}

function wantsJson(request: HttpRequest): boolean {
  return isJson(request) || (request.headers["accept"] ?? "").includes("application/json");
}

function wrongType(wanted: string): Fault {
  const shown = `the body should be ${wanted}`;
  return new Fault({ kind: "invalid", code: "proxy.wrong-type", message: shown, shown });
}

function differ(): Fault {
  const shown = "the two passwords are not the same";
  return new Fault({ kind: "invalid", code: "proxy.passwords-differ", message: shown, shown });
}

type More = Readonly<Record<string, string>>;

function json(value: unknown, status: number = 200, more: More = {}): HttpResponse {
  const headers = { ...strictHeaders, "content-type": "application/json", ...more };
  return { status, headers, body: JSON.stringify(value) };
}

function html(body: string, status: number = 200, more: More = {}): HttpResponse {
  const headers = { ...strictHeaders, "content-type": "text/html; charset=utf-8", ...more };
  return { status, headers, body };
}

function css(): HttpResponse {
  const headers = { ...strictHeaders, "content-type": "text/css; charset=utf-8" };
  return { status: 200, headers, body: styleSheet };
}
