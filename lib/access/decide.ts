/** The one place where access to a database is decided. Pure: everything it needs is handed in. */
import type { EpochMs } from "../core/clock.ts";
import { Fault } from "../core/fault.ts";
import type { UserIdentity } from "../core/identity.ts";
import { type CommandAccess, commandAccess } from "./commands.ts";
import { type Labelled, labelMatcher, type Labels } from "./labels.ts";
import {
  type MergedOptions,
  mergeOptions,
  type Role,
  rolesOf,
  type Rule,
  type Verb,
} from "./role.ts";
import { type Allowed, fillAll } from "./template.ts";

/** All that is looked at to decide whether a database may be seen, and by which users and names. */
export interface Labelling {
  readonly metadata: { readonly labels: Labels };
}

/** A database to be opened; a db resource fits. */
export interface Target extends Labelling {
  readonly metadata: Labelled;
}

export interface Question {
  readonly identity: UserIdentity;
  /** All roles there are, or those that the identity names. */
  readonly roles: Iterable<Role>;
  readonly database: Target;
  /**
   * Database user asked for; null where it isn't known yet (a route that leaves it to the
   * startup).
   */
  readonly user: string | null;
  /** Database name asked for; null where it isn't known yet, or the protocol has none. */
  readonly name: string | null;
  readonly now: EpochMs;
}

/** Yes, to exactly this. */
export interface Grant {
  readonly allowed: true;
  readonly service: string;
  readonly user: string | null;
  readonly name: string | null;
  readonly options: MergedOptions;
  /** One of the roles that allow it lets replication through as well. */
  readonly replication: boolean;
  /** What may be asked, where the protocol has commands; made when it is called for. */
  readonly commands: () => CommandAccess;
  /** One of them lets the database ask for a file of the client's own (LOAD DATA LOCAL). */
  readonly localInfile: boolean;
  /** Roles that allow it; for the audit log. */
  readonly by: readonly string[];
  readonly decidedAt: EpochMs;
}

/** No, and why, in words for both sides. */
export interface Denial {
  readonly allowed: false;
  /** `database`: it isn't visible to the caller, or isn't there: the two look the same. */
  readonly missing: "database" | "user" | "name" | "role";
  /** For operators and the audit log. */
  readonly message: string;
  /** For the user; tells nothing about what the user may not see. */
  readonly shown: string;
  readonly hint: string;
}

/**
 * Decides; deny wins over allow and one deny condition that holds is enough; without an allow it
 * is no.
 */
export function decide(question: Question): Grant | Denial {
  const { identity, database, user, name, now } = question;
  const service = database.metadata.name;
  const { roles, missing } = rolesOf(identity.roles, question.roles);
  if (missing.length > 0) return roleGone(identity.user, missing);
  const rules = compileRoles(roles, identity);
  const seeing = rules.filter((rule) => rule.sees(database.metadata.labels));
  if (seeing.length === 0 || rules.some((rule) => rule.hides(database.metadata.labels))) {
    return { ...unknownDatabase(service), message: notVisible(identity, service) };
  }
  if (user !== null) {
    const denying = rules.find((rule) => matches(rule.noUsers, user));
    const having = seeing.filter((rule) => matches(rule.users, user));
    if (denying !== undefined || having.length === 0) {
      return noUser(question, user, allowedUsers(question));
    }
    if (name !== null && !nameAllowed(rules, having, name)) {
      return noName(question, name, allowedNames(question));
    }
  } else if (name !== null && !nameAllowed(rules, seeing, name)) {
    return noName(question, name, allowedNames(question));
  }
  const by = seeing
    .filter((rule) => user === null || matches(rule.users, user))
    .filter((rule) => name === null || matches(rule.names, name))
    .map((rule) => rule.role);
  const options = mergeOptions(roles);
  const allowing = roles.filter(({ metadata }) => by.includes(metadata.name));
  const replication = allowing.some(({ spec }) => spec.options.allow_replication === true);
  const localInfile = allowing.some(({ spec }) => spec.options.local_infile === "allow");
  const { traits } = identity;
  const { readOnly } = options.limits;
  const commands = () => commandAccess({ allowing, all: roles, traits, readOnly });
  const more = { replication, localInfile, commands };
  return { allowed: true, service, user, name, options, ...more, by, decidedAt: now };
}

/** The answer for a database that isn't there: the same words as for one that may not be seen. */
export function unknownDatabase(service: string): Denial {
  const quoted = JSON.stringify(service.slice(0, 128));
  return {
    allowed: false,
    missing: "database",
    message: `database ${quoted} is not known`,
    shown: `there is no database ${quoted} that your roles give access to`,
    hint: "see what you can reach with: tsh db ls",
  };
}

/** A denial as a fault, for those who answer calls. */
export function deniedFault(denial: Denial): Fault {
  return new Fault({
    kind: "denied",
    code: `access.no-${denial.missing}`,
    message: denial.message,
    shown: denial.shown,
    hint: denial.hint,
  });
}

/** What is needed to ask what somebody may do. */
export interface Asker {
  readonly identity: UserIdentity;
  readonly roles: Iterable<Role>;
}

/**
 * What somebody may do, made ready once for as many databases as there are; the same for all that
 * have the same labels.
 */
export interface Access {
  /** The roles let the caller see it. */
  sees(database: Labelling): boolean;
  /** Database users that the caller may be on it, as the roles write them; `*` is any. */
  users(database: Labelling): readonly string[];
  /** Database names that the caller may open on it (as `user`, where one is given); `*` is any. */
  names(database: Labelling, user?: string | null): readonly string[];
}

export function accessOf({ identity, roles: all }: Asker): Access {
  const { roles, missing } = rolesOf(identity.roles, all);
  const rules = missing.length > 0 ? [] : compileRoles(roles, identity);
  const sees = ({ metadata: { labels } }: Labelling): boolean =>
    rules.some((rule) => rule.sees(labels)) && !rules.some((rule) => rule.hides(labels));
  const users = allowedBy(rules, (rule) => rule.users, (rule) => rule.noUsers);
  return {
    sees,
    users: ({ metadata: { labels } }) => users(labels, () => true),
    names: allowedNamesBy(rules),
  };
}

/** The databases that the roles let the caller see, in the order given. */
export function visibleDatabases<T extends Target>(
  asker: Asker,
  databases: Iterable<T>,
): readonly T[] {
  const access = accessOf(asker);
  return [...databases].filter((database) => access.sees(database));
}

/** {@linkcode Access.users} for one database. */
export function allowedUsers(asker: Asker & { readonly database: Target }): readonly string[] {
  return accessOf(asker).users(asker.database);
}

/** {@linkcode Access.names} for one database. */
export function allowedNames(
  asker: Asker & { readonly database: Target; readonly user?: string | null },
): readonly string[] {
  return accessOf(asker).names(asker.database, asker.user);
}

/**
 * Whether the rules of these roles (those of one caller) allow a verb on a kind of resource; deny
 * wins.
 */
export function mayCall(roles: Iterable<Role>, verb: Verb, resource: string): boolean {
  let allowed = false;
  for (const { spec } of roles) {
    if (means(spec.deny.rules, verb, resource)) return false;
    allowed ||= means(spec.allow.rules, verb, resource);
  }
  return allowed;
}

function means(rules: readonly Rule[] | undefined, verb: Verb, resource: string): boolean {
  return (rules ?? []).some((rule) =>
    (rule.resources.includes("*") || rule.resources.includes(resource)) &&
    (rule.verbs.includes("*") || rule.verbs.includes(verb))
  );
}

/** A role made ready for one user: templates filled in, patterns compiled. */
interface Rules {
  readonly role: string;
  readonly sees: (labels: Labels) => boolean;
  readonly hides: (labels: Labels) => boolean;
  readonly users: readonly Allowed[];
  readonly names: readonly Allowed[];
  readonly noUsers: readonly Allowed[];
  readonly noNames: readonly Allowed[];
}

function compileRoles(roles: readonly Role[], { traits }: UserIdentity): readonly Rules[] {
  return roles.map(({ metadata, spec: { allow, deny } }) => ({
    role: metadata.name,
    sees: labelMatcher(allow.db_labels, traits),
    hides: labelMatcher(deny.db_labels, traits),
    users: fillAll(allow.db_users, traits),
    names: fillAll(allow.db_names, traits),
    noUsers: fillAll(deny.db_users, traits),
    noNames: fillAll(deny.db_names, traits),
  }));
}

function matches(patterns: readonly Allowed[], value: string): boolean {
  return value !== "" && patterns.some((pattern) => pattern.matches(value));
}

function nameAllowed(rules: readonly Rules[], seeing: readonly Rules[], name: string): boolean {
  return seeing.some((rule) => matches(rule.names, name)) &&
    !rules.some((rule) => matches(rule.noNames, name));
}

type Allow = (rule: Rules) => readonly Allowed[];

function allowedNamesBy(rules: readonly Rules[]): Access["names"] {
  const names = allowedBy(rules, (rule) => rule.names, (rule) => rule.noNames);
  return ({ metadata: { labels } }, user = null) =>
    names(labels, (rule) => user === null || matches(rule.users, user));
}

/** What those of the rules that see a database, and count, allow and none of all denies. */
function allowedBy(
  rules: readonly Rules[],
  allow: Allow,
  deny: Allow,
): (labels: Labels, counts: (rule: Rules) => boolean) => readonly string[] {
  const denied = rules.flatMap(deny);
  const isDenied = (text: string): boolean =>
    denied.some((pattern) =>
      pattern.text === "*" || pattern.text === text || pattern.matches(text)
    );
  return (labels, counts) => {
    if (rules.some((rule) => rule.hides(labels))) return [];
    const seeing = rules.filter((rule) => rule.sees(labels) && counts(rule));
    const texts = seeing.flatMap(allow).map(({ text }) => text);
    return [...new Set(texts)].filter((text) => !isDenied(text));
  };
}

function notVisible(identity: UserIdentity, service: string): string {
  return `roles ${identity.roles.join(", ")} of ${identity.user} do not allow database ${service}`;
}

function roleGone(user: string, missing: readonly string[]): Denial {
  const names = missing.join(", ");
  return {
    allowed: false,
    missing: "role",
    message: `user ${user} has roles that do not exist: ${names}`,
    shown: `your login names a role that does not exist any more: ${names}`,
    hint: "log in again with: tsh login",
  };
}

function noUser(question: Question, user: string, allowed: readonly string[]): Denial {
  const { identity, database: { metadata: { name } } } = question;
  const quoted = JSON.stringify(user.slice(0, 128));
  return {
    allowed: false,
    missing: "user",
    message: `roles of ${identity.user} do not allow database user ${quoted} on ${name}`,
    shown: `your roles do not allow the database user ${quoted} on ${name}`,
    hint: listed("database users", "db_users", allowed),
  };
}

function noName(question: Question, asked: string, allowed: readonly string[]): Denial {
  const { identity, database: { metadata: { name } } } = question;
  const quoted = JSON.stringify(asked.slice(0, 128));
  return {
    allowed: false,
    missing: "name",
    message: `roles of ${identity.user} do not allow database name ${quoted} on ${name}`,
    shown: `your roles do not allow the database ${quoted} on ${name}`,
    hint: listed("databases", "db_names", allowed),
  };
}

function listed(what: string, field: string, allowed: readonly string[]): string {
  return allowed.length === 0
    ? `no ${what} are allowed to you here: ask for ${field} in a role or in your traits`
    : `${what} allowed to you here: ${allowed.slice(0, 20).join(", ")}`;
}
