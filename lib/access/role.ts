/** What a role is to a decision, its presets, and the check that it can be decided with at all. */
import type { CodeOf } from "../core/codes.ts";
import { Fault } from "../core/fault.ts";
import { durationMs } from "../core/duration.ts";
import { checkCommands, type CommandConditions } from "./commands.ts";
import { checkLimits, type LimitOptions, mergeLimits, type SessionLimits } from "./limits.ts";
import { fillAll } from "./template.ts";

export type Verb = "list" | "read" | "create" | "update" | "delete";
export type AuditMode = "strict" | "durable" | "best_effort";
export type LockMode = "strict" | "best_effort";

/** Keys AND, values OR. */
export type LabelConditions = Readonly<Record<string, string | readonly string[]>>;

export interface Conditions extends CommandConditions {
  readonly db_labels?: LabelConditions | undefined;
  readonly db_users?: readonly string[] | undefined;
  readonly db_names?: readonly string[] | undefined;
  readonly rules?: readonly Rule[] | undefined;
}

/** Verbs on kinds of resources; `*` is all. */
export interface Rule {
  readonly resources: readonly string[];
  readonly verbs: readonly (Verb | "*")[];
}

/** The part of a role resource that decides; the resource of lib/api fits it. */
export interface Role {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly allow: Conditions;
    readonly deny: Conditions;
    readonly options: {
      readonly max_session_ttl?: string | undefined;
      readonly audit?: AuditMode | undefined;
      readonly lock?: LockMode | undefined;
      readonly allow_replication?: boolean | undefined;
      readonly local_infile?: "allow" | "deny" | undefined;
      readonly require_end_to_end?: boolean | undefined;
      /** Redis: whether values are recorded, or names and keys only. */
      readonly redis_values?: "all" | "none" | undefined;
    } & LimitOptions;
  };
}

/** A role as it is made at the first start. */
export interface PresetRole {
  kind: "role";
  version: "v1";
  metadata: { name: string; labels: Record<string, string> };
  spec: {
    allow: {
      db_labels?: Record<string, string>;
      db_users?: string[];
      db_names?: string[];
      rules?: { resources: string[]; verbs: (Verb | "*")[] }[];
    };
    deny: Record<string, never>;
    options: Record<string, never>;
  };
}

/**
 * The roles that every cluster starts with: `access` opens the databases that a user's own traits
 * name users for, `editor` changes all resources but opens no database, `auditor` reads the audit
 * log.
 */
export function presetRoles(): readonly PresetRole[] {
  return [
    preset("access", {
      db_labels: { "*": "*" },
      db_users: ["{{internal.db_users}}"],
      db_names: ["{{internal.db_names}}"],
    }),
    preset("editor", {
      rules: [
        {
          resources: ["user", "role", "token", "lock", "db", "agent", "proxy", "cert_authority"],
          verbs: ["*"],
        },
        { resources: ["cluster"], verbs: ["list", "read"] },
      ],
    }),
    preset("auditor", {
      rules: [{
        resources: ["audit", "cluster", "user", "role", "db", "lock", "agent", "proxy"],
        verbs: ["list", "read"],
      }],
    }),
  ];
}

function preset(name: string, allow: PresetRole["spec"]["allow"]): PresetRole {
  const metadata = { name, labels: { "remoteler/preset": "true" } };
  return { kind: "role", version: "v1", metadata, spec: { allow, deny: {}, options: {} } };
}

/**
 * Refuses a role that could not be decided with: patterns outside the safe subset, templates that
 * are not understood, a condition on every label other than `"*": "*"`, a session of no length,
 * limits of nothing.
 * @throws Fault `access.bad-pattern`, `access.bad-template`, `access.bad-labels`, `access.bad-ttl`,
 * `access.bad-limit`, `access.bad-command`
 */
export function checkRole(role: Role): void {
  for (const side of [role.spec.allow, role.spec.deny]) {
    fillAll(side.db_users, {});
    fillAll(side.db_names, {});
    checkCommands(side);
    for (const [key, values] of Object.entries(side.db_labels ?? {})) {
      fillAll(values, {});
      if (key === "*" && values !== "*" && !(values.length === 1 && values[0] === "*")) {
        throw invalid("access.bad-labels", 'the label "*" only takes the value "*"');
      }
      if (values.length === 0) throw invalid("access.bad-labels", `label ${key} has no value`);
    }
  }
  const ttl = role.spec.options.max_session_ttl;
  if (ttl !== undefined && (durationMs(ttl) ?? 0) < 60_000) {
    throw invalid("access.bad-ttl", "max_session_ttl is at least 1m");
  }
  checkLimits(role.spec.options);
}

function invalid(code: CodeOf<"access">, shown: string): Fault {
  return new Fault({ kind: "invalid", code, message: shown, shown });
}

/** A role that an identity names, or nothing where it is gone. */
export interface ResolvedRoles<R> {
  readonly roles: readonly R[];
  /** Names without a role: with one, nothing is allowed, since what it denied is unknown. */
  readonly missing: readonly string[];
}

/** The roles with these names out of all there are. */
export function rolesOf<R extends Role>(
  names: readonly string[],
  all: Iterable<R>,
): ResolvedRoles<R> {
  const wanted = new Set(names);
  const roles: R[] = [];
  for (const role of all) if (wanted.delete(role.metadata.name)) roles.push(role);
  return { roles, missing: [...wanted] };
}

const auditOrder: readonly AuditMode[] = ["best_effort", "strict", "durable"];
const longestSessionMs = 12 * 3_600_000;

/** What the options of several roles come to. */
export interface MergedOptions {
  /**
   * How hard a session holds on to its audit events; the strictest wins, `strict` where none says.
   */
  readonly audit: AuditMode;
  /** `strict` where one role says so: no new session when locks are stale. */
  readonly lock: LockMode;
  /** One role says that no proxy may see what goes through a session. */
  readonly requireEndToEnd: boolean;
  /** No role says that values of Redis are not to be recorded. */
  readonly recordValues: boolean;
  /** The smallest wins; 12 h at most. */
  readonly sessionTtlMs: number;
  readonly limits: SessionLimits;
}

/** The strictest of each option. */
export function mergeOptions(roles: readonly Role[]): MergedOptions {
  let audit = -1;
  let lock: LockMode = "best_effort";
  let sessionTtlMs = longestSessionMs;
  for (const { spec: { options } } of roles) {
    if (options.audit !== undefined) audit = Math.max(audit, auditOrder.indexOf(options.audit));
    if (options.lock === "strict") lock = "strict";
    if (options.max_session_ttl !== undefined) {
      sessionTtlMs = Math.min(sessionTtlMs, durationMs(options.max_session_ttl) ?? 0);
    }
  }
  const limits = mergeLimits(roles.map(({ spec }) => spec.options));
  const requireEndToEnd = roles.some(({ spec }) => spec.options.require_end_to_end === true);
  const recordValues = !roles.some(({ spec }) => spec.options.redis_values === "none");
  return {
    audit: auditOrder[audit] ?? "strict",
    lock,
    requireEndToEnd,
    recordValues,
    sessionTtlMs,
    limits,
  };
}
