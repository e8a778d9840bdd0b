/** Where commands have passwords: nothing of these is ever recorded. */
import { type Command, nameText } from "./commands.ts";

export const mark = "***";

type Positions = (args: readonly Uint8Array[]) => readonly number[];

/** Arguments that are secrets, by the command's name. */
const rules: Readonly<Record<string, Positions>> = {
  "auth": (args) => [args.length - 1],
  "hello": (args) => following(args, 1, "auth", 2).slice(1),
  "config|set": (args) => {
    const found: number[] = [];
    for (let at = 2; at < args.length; at += 2) {
      if (secretSettings.test(nameText(args[at]))) found.push(at + 1);
    }
    return found;
  },
  // Rules that begin so hold a password or its hash: >pw <pw #hash !hash.
  "acl|setuser": (args) => where(args, 3, (text) => /^[><#!]/.test(text)),
  // What is tried out may be any of these.
  "acl|dryrun": (args) => args.map((_, at) => at).slice(4),
  "migrate": (args) => [...following(args, 5, "auth", 1), ...following(args, 5, "auth2", 2)],
  "sentinel|set": (args) => {
    const found: number[] = [];
    for (let at = 3; at < args.length; at += 2) {
      if (/^auth-/i.test(nameText(args[at]))) found.push(at + 1);
    }
    return found;
  },
};

const secretSettings =
  /^(?:requirepass|masterauth|primaryauth|masteruser|tls-(?:client-)?key-file-pass)$/i;

/** Positions of the secrets among the arguments; null, as a rule, where there are none. */
export function secretPositions(
  { name }: Command,
  args: readonly Uint8Array[],
): ReadonlySet<number> | null {
  const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
  return rule === undefined ? null : new Set(rule(args));
}

/** Whether what a server says of this command may repeat a secret of it. */
export function maySaySecrets(name: string): boolean {
  return Object.hasOwn(rules, name);
}

function following(
  args: readonly Uint8Array[],
  from: number,
  word: string,
  count: number,
): readonly number[] {
  for (let at = from; at < args.length; at++) {
    if (nameText(args[at]).toLowerCase() !== word) continue;
    return Array.from({ length: count }, (_, index) => at + 1 + index);
  }
  return [];
}

function where(
  args: readonly Uint8Array[],
  from: number,
  is: (text: string) => boolean,
): readonly number[] {
  return args.map((_, at) => at).slice(from).filter((at) => is(nameText(args[at])));
}
