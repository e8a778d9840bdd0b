/** Password logins. Nothing in words or time tells a name that exists from one that doesn't. */
import type { CallOutput, CallRequest } from "../api/contract.ts";
import { type User } from "../api/resources.ts";
import { resourceName } from "../api/resources.ts";
import { parseRequest } from "../ca/mod.ts";
import { rfc3339 } from "../core/clock.ts";
import { asFault, Fault } from "../core/fault.ts";
import { type Attempt, type Lockout } from "../identity/local/lockout.ts";
import { read, v } from "../schema/mod.ts";
import type { Callers } from "./callers.ts";
import {
  decodeBase64,
  endOfLife,
  identityOf,
  issuedOf,
  refuseLocked,
  serialOf,
} from "./issuing.ts";
import { addressOnly, type Core, decodeJson, type Who } from "./powers.ts";

/** Where a user's password hash is kept. */
export function passwordKey(user: string): readonly string[] {
  return ["password", user];
}

export const passwordRecord = v.strictObject({ hash: v.string(), changed: v.string() });

type Input = CallRequest<"login.password">;

/** The call `login.password`. */
export function passwordLogin(
  core: Core,
  callers: Callers,
  lockout: Lockout,
): (input: Input) => Promise<CallOutput<"login.password">> {
  return async (input) => {
    const who: Who = {
      user: input.user.slice(0, 255),
      "addr.remote": input.client_address.slice(0, 128),
    };
    try {
      await parseRequest(decodeBase64(input.csr));
      const user = await authenticate(core, lockout, input, who);
      return await logIn(core, callers, user, input, who);
    } catch (thrown) {
      const fault = asFault(thrown);
      await core.audit.report("user.login", {
        ...who,
        success: false,
        method: "local",
        error: { code: fault.code.slice(0, 64), message: fault.message.slice(0, 1024) },
        message: fault.shown.slice(0, 1024),
      });
      throw fault;
    }
  };
}

/** The user whose password this is. @throws Fault `auth.bad-login`, `identity.locked-out` */
async function authenticate(
  core: Core,
  lockout: Lockout,
  input: Input,
  who: Who,
): Promise<User> {
  const possible = v.is(resourceName, input.user);
  const attempt: Attempt = possible
    ? await lockout.begin(input.user)
    : { failures: 1, lockedUntil: null };
  const user = possible ? await core.store.get("user", input.user) : null;
  const kept = possible ? await core.backend.get(passwordKey(input.user)) : null;
  const usable = user !== null && !user.resource.spec.disabled && kept !== null;
  const hash = usable ? read(passwordRecord, decodeJson(kept.value), "stored password").hash : null;
  if (await core.passwords.verify(input.password, hash) && user !== null) {
    await lockout.clear(input.user);
    return user.resource;
  }
  if (attempt.lockedUntil !== null) {
    const until = rfc3339(attempt.lockedUntil);
    await core.audit.report("user.locked_out", { ...who, attempts: attempt.failures, until });
  }
  throw new Fault({
    kind: "unauthenticated",
    code: "auth.bad-login",
    message: `login of ${JSON.stringify(input.user.slice(0, 128))} failed`,
    shown: "wrong user name or password",
  });
}

async function logIn(
  core: Core,
  callers: Callers,
  user: User,
  input: Input,
  who: Who,
): Promise<CallOutput<"login.password">> {
  const session = { session: core.random.uuid(), loginIp: addressOnly(input.client_address) };
  const identity = identityOf(core, user, session);
  const roles = await callers.roles(user.spec.roles);
  await refuseLocked(core, callers, identity, who);
  const expires = endOfLife(core, roles, input.ttl_s);
  const signed = await core.authorities.signUser(decodeBase64(input.csr), { identity, expires });
  const known: Who = {
    ...who,
    user_kind: 1,
    user_roles: user.spec.roles.slice(0, 256),
    login_session: session.session,
  };
  const issued = issuedOf(signed);
  await core.audit.report("cert.create", {
    ...known,
    cert_type: "user",
    serial: serialOf(signed),
    expires: issued.expires,
  });
  await core.audit.report("user.login", {
    ...known,
    success: true,
    method: "local",
    expires: issued.expires,
  });
  return {
    ...issued,
    cluster: core.cluster,
    user: user.metadata.name,
    roles: user.spec.roles,
    host_cas: core.authorities.trustedOf("host").map((der) => der.toBase64()),
  };
}
