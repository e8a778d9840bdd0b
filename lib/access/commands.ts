/**
 * What a session of commands (Redis) may do: by a command's name or category, and by the keys it
 * names. One role has to allow the command and all its keys; a deny of any role wins.
 */
import type { CodeOf } from "../core/codes.ts";
import { Fault } from "../core/fault.ts";
import type { Role } from "./role.ts";
import { type Allowed, fillAll } from "./template.ts";

/** The part of a role's conditions that is about commands. */
export interface CommandConditions {
  /** Names (`get`, `config|get`), categories (`@read`), `@default`, or `*`. */
  readonly redis_commands?: readonly string[] | undefined;
  readonly redis_keys?: readonly string[] | undefined;
}

/** A command as the protocol tells of it. */
export interface CommandQuestion {
  /** In lower case; with its subcommand: `config|get`. */
  readonly name: string;
  readonly categories: readonly string[];
  readonly known: boolean;
  /** Null where it reaches keys that it doesn't name. */
  keys(): readonly string[] | null;
}

export interface CommandDenial {
  readonly message: string;
  readonly hint: string;
}

export interface CommandAccess {
  /** Null where the command may be run. */
  denial(command: CommandQuestion): CommandDenial | null;
}

export interface CommandRoles {
  /** Those that allow the session. */
  readonly allowing: readonly Role[];
  /** All of the user, for what they deny. */
  readonly all: readonly Role[];
  readonly traits: Readonly<Record<string, readonly string[]>>;
  /** Nothing that writes. */
  readonly readOnly: boolean;
}

/** Categories as servers name them; the last are those of Redis 8. */
export const commandCategories: ReadonlySet<string> = new Set([
  ...["admin", "all", "bitmap", "blocking", "connection", "dangerous", "default", "fast", "geo"],
  ...["hash", "hyperloglog", "keyspace", "list", "pubsub", "read", "scripting", "set", "slow"],
  ...["sortedset", "stream", "string", "transaction", "write"],
  ...["bloom", "cms", "cuckoo", "json", "search", "tdigest", "timeseries", "topk", "vectorset"],
]);

/** Beside the category `admin`, what has to be named to be allowed. */
const namedOnly: ReadonlySet<string> = new Set(["migrate", "swapdb"]);
/** Reach every key without naming one. */
const everyKey: ReadonlySet<string> = new Set([
  ...["keys", "scan", "randomkey", "flushdb", "flushall", "swapdb", "dbsize"],
  ...["clusterscan", "cluster|getkeysinslot"],
]);
/** Answered by us, or undone by us: no client can do without. */
const always: ReadonlySet<string> = new Set(["auth", "hello", "quit", "reset"]);
/** Keys that no pattern is asked about: one that denies could miss them. */
const keyCharactersMax = 1024;
const rememberedMax = 2048;

/**
 * Refuses tokens that nobody can have meant, and key patterns outside the matcher's subset.
 * @throws Fault `access.bad-command`, `access.bad-pattern`, `access.bad-template`
 */
export function checkCommands({ redis_commands, redis_keys }: CommandConditions): void {
  fillAll(redis_keys, {});
  for (const token of redis_commands ?? []) {
    const category = /^@([a-z]+)$/.exec(token)?.[1];
    const isRight = category !== undefined
      ? commandCategories.has(category)
      : token === "*" || /^[a-z0-9._-]+(?:\|[a-z0-9._-]+)?$/.test(token);
    if (!isRight) throw badCommand(token);
  }
}

function badCommand(token: string): Fault {
  const code: CodeOf<"access"> = "access.bad-command";
  const shown = `redis_commands has ${JSON.stringify(token.slice(0, 80))}`;
  const hint = "name a command in lower case (get, config|get), a category (@read) or *";
  return new Fault({ kind: "invalid", code, message: shown, shown, hint });
}

/** What the roles come to, made ready once for a session. */
export function commandAccess(roles: CommandRoles): CommandAccess {
  return new Compiled(roles);
}

interface Allowing {
  readonly tokens: ReadonlySet<string> | null;
  /** Null: any key. */
  readonly keys: readonly Allowed[] | null;
}

class Compiled implements CommandAccess {
  readonly #allowing: readonly Allowing[];
  readonly #denied: ReadonlySet<string>;
  readonly #deniedKeys: readonly Allowed[];
  readonly #readOnly: boolean;
  /** Of a name: those that allow it; null: with any keys. */
  readonly #remembered = new Map<string, readonly Allowing[] | null>();

  constructor({ allowing, all, traits, readOnly }: CommandRoles) {
    this.#allowing = allowing.map(({ spec: { allow } }) => ({
      tokens: allow.redis_commands === undefined ? null : new Set(allow.redis_commands),
      keys: allow.redis_keys === undefined ? null : fillAll(allow.redis_keys, traits),
    }));
    this.#denied = new Set(all.flatMap(({ spec: { deny } }) => [...deny.redis_commands ?? []]));
    this.#deniedKeys = all.flatMap(({ spec: { deny } }) => [...fillAll(deny.redis_keys, traits)]);
    this.#readOnly = readOnly;
  }

  denial(command: CommandQuestion): CommandDenial | null {
    if (always.has(command.name)) return null;
    let allowing = this.#remembered.get(command.name);
    if (allowing === undefined) {
      allowing = this.#rolesFor(command);
      if (command.known && this.#remembered.size < rememberedMax) {
        this.#remembered.set(command.name, allowing);
      }
    }
    if (allowing === null) return null;
    if (allowing.length === 0) return this.#noCommand(command);
    return this.#keysDenial(command, allowing);
  }

  #rolesFor(command: CommandQuestion): readonly Allowing[] | null {
    if (isListed(this.#denied, command) || this.#writes(command)) return [];
    const found = this.#allowing.filter((role) => this.#allows(role, command));
    const isAnyKey = this.#deniedKeys.length === 0 && found.some(({ keys }) => keys === null);
    return isAnyKey ? null : found;
  }

  /** Scripts write as well, but those that declare that they don't. */
  #writes({ name, categories }: CommandQuestion): boolean {
    if (!this.#readOnly) return false;
    const runs = categories.includes("scripting") && /^(?:eval|evalsha|fcall)$/.test(name);
    return runs || categories.includes("write") || categories.length === 0;
  }

  #allows({ tokens, keys }: Allowing, command: CommandQuestion): boolean {
    if (isOfConnection(command)) return true;
    if (tokens !== null && isNamed(tokens, command.name)) return true;
    const isListedHere = tokens === null
      ? isDefault(command)
      : isListed(tokens, command) || (tokens.has("@default") && isDefault(command));
    if (!isListedHere) return false;
    const keysMatter = keys !== null || this.#deniedKeys.length > 0;
    if (keysMatter && (everyKey.has(command.name) || !command.known)) return false;
    // Code does whatever the account may: it passes by every other rule.
    const isBound = keysMatter || this.#denied.size > 0 || tokens !== null;
    const runsCode = command.categories.includes("scripting");
    return !runsCode || !isBound || (tokens?.has("@scripting") ?? false);
  }

  #noCommand({ name, categories, known }: CommandQuestion): CommandDenial {
    if (this.#readOnly && (categories.includes("write") || categories.includes("scripting"))) {
      return {
        message: `your roles allow reading only, not the command ${name}`,
        hint: "a role without the option read_only would be needed",
      };
    }
    const marks = categories.map((category) => `@${category}`).join(" ");
    const categoriesHint = known ? `; it is ${marks}` : "; it is not known by its category here";
    return {
      message: `your roles do not allow the command ${name}`,
      hint: `a role needs it by name in redis_commands${categoriesHint}`,
    };
  }

  #keysDenial(command: CommandQuestion, allowing: readonly Allowing[]): CommandDenial | null {
    const keys = command.keys();
    if (keys === null) {
      const message = `your roles allow some keys only, and ${command.name} reaches others so`;
      return { message, hint: "use the command without patterns, or with fewer arguments" };
    }
    const denied = keys.find((key) => this.#isDenied(key));
    if (denied !== undefined) return noKey(denied, command);
    const isOk = allowing.some((role) => keys.every((key) => isAllowed(role, key)));
    if (isOk) return null;
    const first = keys.find((key) => !allowing.some((role) => isAllowed(role, key)));
    return noKey(first ?? keys[0] ?? "", command);
  }

  #isDenied(key: string): boolean {
    if (this.#deniedKeys.length === 0) return false;
    return key.length > keyCharactersMax || this.#deniedKeys.some(({ matches }) => matches(key));
  }
}

function isAllowed({ keys }: Allowing, key: string): boolean {
  return keys === null || keys.some(({ matches }) => matches(key));
}

/** By its own name, or that of what it is a subcommand of. */
function isNamed(tokens: ReadonlySet<string>, name: string): boolean {
  return tokens.has(name) || tokens.has(name.split("|")[0] ?? name);
}

function isListed(tokens: ReadonlySet<string>, { name, categories }: CommandQuestion): boolean {
  return tokens.has("*") || tokens.has("@all") || isNamed(tokens, name) ||
    categories.some((category) => tokens.has(`@${category}`));
}

/** Concerns the client's own connection and its transaction, nothing else. */
function isOfConnection({ categories }: CommandQuestion): boolean {
  if (categories.includes("admin")) return false;
  return categories.includes("connection") || categories.includes("transaction");
}

/** What roles allow that say nothing of commands. */
function isDefault({ name, categories, known }: CommandQuestion): boolean {
  return known && !categories.includes("admin") && !namedOnly.has(name);
}

function noKey(key: string, { name }: CommandQuestion): CommandDenial {
  const quoted = JSON.stringify(key.slice(0, 128));
  return {
    message: `your roles do not allow the key ${quoted} (command ${name})`,
    hint: "a role needs a pattern for it in redis_keys",
  };
}
