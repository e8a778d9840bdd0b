/** Labels: what a role asks of them, and what a host certificate allows to be served. */
import type { HostIdentity } from "../core/identity.ts";
import { matcher } from "./match.ts";
import type { LabelConditions } from "./role.ts";
import { fillAll, type Traits } from "./template.ts";

export type Labels = Readonly<Record<string, string>>;

/** Something with a name and labels; a db resource's `metadata` fits. */
export interface Labelled {
  readonly name: string;
  readonly labels: Labels;
}

/**
 * Compiles label conditions: every key must be there with one of its values; `"*": "*"` holds for
 * all, with labels or without. No conditions match nothing.
 */
export function labelMatcher(
  conditions: LabelConditions | undefined,
  traits: Traits,
): (labels: Labels) => boolean {
  const wanted = Object.entries(conditions ?? {}).map(([key, values]) => ({
    key,
    values: fillAll(values, traits),
  }));
  if (wanted.length === 0) return () => false;
  return (labels) =>
    wanted.every(({ key, values }) => {
      if (key === "*") return values.some((value) => value.text === "*");
      const label = Object.hasOwn(labels, key) ? labels[key] : undefined;
      return label !== undefined && values.some((value) => value.matches(label));
    });
}

/**
 * Whether a host's certificate allows it to serve this database: its `services` hold the name (with
 * `*` for any run) or a `label:key=value` that it has. Hosts that are no agents serve nothing.
 */
export function mayServe(host: HostIdentity, database: Labelled): boolean {
  if (!host.systemRoles.includes("db")) return false;
  return host.services.some((service) => {
    const label = /^label:([^=]+)=(.*)$/s.exec(service);
    if (label === null) return plain(service)(database.name);
    const [, key = "", wanted = ""] = label;
    const value = Object.hasOwn(database.labels, key) ? database.labels[key] : undefined;
    return value !== undefined && plain(wanted)(value);
  });
}

/** Names with `*` only: a certificate's services are no regular expressions. */
function plain(pattern: string): (value: string) => boolean {
  return pattern.startsWith("^") ? (value) => value === pattern : matcher(pattern);
}
