/** People: created with an invite link, given a new password by a reset link, and changed. */
import type { CallOutput, CallRequest } from "../api/contract.ts";
import type { User } from "../api/resources.ts";
import type { Context } from "../api/server.ts";
import type { Commit, Key, Revision } from "../core/backend.ts";
import { rfc3339 } from "../core/clock.ts";
import { Fault } from "../core/fault.ts";
import type { Lockout } from "../identity/local/lockout.ts";
import { checkPassword } from "../identity/local/password.ts";
import { newSecret, secretHash } from "../identity/local/secret.ts";
import { read, v } from "../schema/mod.ts";
import { passwordKey } from "./login.ts";
import {
  contended,
  type Core,
  decodeJson,
  encodeJson,
  invalid,
  notFound,
  whoOf,
} from "./powers.ts";
import { resourceKey } from "./store.ts";

const linkLifeMs = 3_600_000;
const maxRounds = 8;

const invite = v.strictObject({
  user: v.string(),
  purpose: v.picklist(["invite", "reset"]),
  expires: v.string(),
});

function inviteKey(hash: string): Key {
  return ["invite", hash];
}

/** Where the hash of a user's only link in force is kept: a new link ends the one before. */
function inviteOfKey(user: string): Key {
  return ["invite_of", user];
}

interface Link {
  readonly token: string;
  readonly expires: string;
  /** What has to be written for it. */
  readonly commit: Commit;
}

async function newLink(core: Core, user: string, purpose: "invite" | "reset"): Promise<Link> {
  const token = newSecret(core.random);
  const hash = await secretHash(token);
  const ends = core.clock.now() + linkLifeMs;
  const expires = rfc3339(ends);
  const before = await core.backend.get(inviteOfKey(user));
  const deletes = before === null
    ? []
    : [inviteKey(read(v.string(), decodeJson(before.value), ""))];
  const puts = [
    { key: inviteKey(hash), value: encodeJson({ user, purpose, expires }), expires: ends },
    { key: inviteOfKey(user), value: encodeJson(hash), expires: ends },
  ];
  const checks = [{ key: inviteOfKey(user), revision: before?.revision ?? null }];
  return { token, expires, commit: { checks, puts, deletes } };
}

/** The call `users.create`. */
export async function createUser(
  core: Core,
  input: CallRequest<"users.create">,
  context: Context,
): Promise<CallOutput<"users.create">> {
  const { name, roles, traits } = input;
  const wanted: User = {
    kind: "user",
    version: "v1",
    metadata: { name, labels: {} },
    spec: { roles, traits, disabled: false, generation: core.clock.now() },
  };
  const rolesStand = await roleChecks(core, roles);
  const { token, expires, commit } = await newLink(core, name, "invite");
  const checks = [...rolesStand, ...(commit.checks ?? [])];
  if (!await core.store.put(wanted, null, { ...commit, checks })) {
    if (await core.store.get("user", name) === null) throw contended("the user");
    throw alreadyThere("user", name);
  }
  const who = whoOf(context.caller, context.remoteAddress);
  await core.audit.report("user.create", { ...who, name, roles: roles.slice(0, 256) });
  await core.audit.report("reset_password_token.create", {
    ...who,
    name,
    expires,
    purpose: "invite",
  });
  const made = await core.store.get("user", name);
  return { user: made?.resource ?? wanted, invite_token: token, expires };
}

/** The call `users.reset`: the old password is gone at once. */
export async function resetUser(
  core: Core,
  input: CallRequest<"users.reset">,
  context: Context,
): Promise<CallOutput<"users.reset">> {
  const { name } = input;
  for (let round = 0; round < maxRounds; round++) {
    const user = await core.store.get("user", name);
    if (user === null) throw notFound("user", name);
    const { token, expires, commit } = await newLink(core, name, "reset");
    const { ok } = await core.backend.commit({
      checks: [
        { key: resourceKey("user", name), revision: user.revision },
        ...(commit.checks ?? []),
      ],
      puts: commit.puts ?? [],
      deletes: [...(commit.deletes ?? []), passwordKey(name)],
    });
    if (!ok) continue;
    await core.audit.report("reset_password_token.create", {
      ...whoOf(context.caller, context.remoteAddress),
      name,
      expires,
      purpose: "reset",
    });
    return { invite_token: token, expires };
  }
  throw contended("the user");
}

/**
 * A changed or new user as `put` gives it: roles must exist; changed roles or traits end older
 * certificates.
 */
export async function putUser(
  core: Core,
  wanted: User,
  before: { readonly resource: User; readonly revision: Revision } | null,
): Promise<boolean> {
  const now = core.clock.now();
  const old = before?.resource.spec;
  const same = old !== undefined && sameAccess(old, wanted.spec);
  const generation = old === undefined ? now : same ? old.generation : nextGeneration(old, now);
  const checks = await roleChecks(core, wanted.spec.roles);
  const user = { ...wanted, spec: { ...wanted.spec, generation } };
  return await core.store.put(user, before?.revision ?? null, { checks });
}

/**
 * Generations are moments, so that a user made again under an old name doesn't bring the
 * certificates of the one before back to life.
 */
function nextGeneration({ generation }: User["spec"], now: number): number {
  return Math.max(generation + 1, now);
}

function sameAccess(a: User["spec"], b: User["spec"]): boolean {
  const text = ({ roles, traits }: User["spec"]) =>
    JSON.stringify([
      [...roles].sort(),
      Object.entries(traits).sort(([x], [y]) => x < y ? -1 : 1),
    ]);
  return text(a) === text(b);
}

/** Commit checks that hold while all these roles exist. @throws Fault `auth.unknown-role` */
async function roleChecks(
  core: Core,
  roles: readonly string[],
): Promise<NonNullable<Commit["checks"]>> {
  if (roles.length > 100) throw invalid("auth.too-many-roles", "a user has 100 roles at most");
  const checks: NonNullable<Commit["checks"]>[number][] = [];
  for (const name of new Set(roles)) {
    const role = await core.store.get("role", name);
    if (role === null) {
      throw invalid(
        "auth.unknown-role",
        `there is no role ${JSON.stringify(name)}`,
        "list them with: remoteler roles ls",
      );
    }
    checks.push({ key: resourceKey("role", name), revision: role.revision });
  }
  return checks;
}

/** Everything of a user besides the resource itself. */
export async function userKeys(core: Core, name: string): Promise<readonly Key[]> {
  const link = await core.backend.get(inviteOfKey(name));
  const keys = [passwordKey(name), inviteOfKey(name)];
  if (link !== null) keys.push(inviteKey(read(v.string(), decodeJson(link.value), "")));
  return keys;
}

/** The call `invites.read`. */
export async function readInvite(
  core: Core,
  input: CallRequest<"invites.read">,
): Promise<CallOutput<"invites.read">> {
  const { link } = await findLink(core, input.token);
  return { user: link.user, expires: link.expires };
}

/** The call `invites.accept`: sets the password; the link is spent with it. */
export async function acceptInvite(
  core: Core,
  lockout: Lockout,
  input: CallRequest<"invites.accept">,
): Promise<CallOutput<"invites.accept">> {
  const { link, key, revision } = await findLink(core, input.token);
  const { user } = link;
  checkPassword(input.password, user);
  const stored = await core.store.get("user", user);
  if (stored === null || stored.resource.spec.disabled) throw badLink();
  const hash = await core.passwords.hash(input.password);
  const changed = rfc3339(core.clock.now());
  const { ok } = await core.backend.commit({
    checks: [{ key, revision }, { key: resourceKey("user", user), revision: stored.revision }],
    puts: [{ key: passwordKey(user), value: encodeJson({ hash, changed }) }],
    deletes: [key, inviteOfKey(user)],
  });
  if (!ok) throw badLink();
  await lockout.clear(user);
  await core.audit.report("user.password_change", {
    user,
    user_kind: 1,
    "addr.remote": input.client_address.slice(0, 128),
    name: user,
  });
  return { user };
}

async function findLink(core: Core, token: string) {
  const key = inviteKey(await secretHash(token));
  const entry = await core.backend.get(key);
  if (entry === null) throw badLink();
  const link = read(invite, decodeJson(entry.value), "stored invite");
  if (Date.parse(link.expires) <= core.clock.now()) throw badLink();
  return { link, key, revision: entry.revision };
}

function badLink(): Fault {
  return new Fault({
    kind: "missing",
    code: "auth.bad-link",
    message: "the invite or reset link is unknown, expired or used",
    shown: "this link is not valid: unknown, expired or used",
    hint: "ask an administrator for a new one",
  });
}

export function alreadyThere(kind: string, name: string): Fault {
  const shown = `there is a ${kind} ${JSON.stringify(name)} already`;
  return new Fault({ kind: "conflict", code: "auth.exists", message: shown, shown });
}
