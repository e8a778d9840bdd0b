/** Where a command goes in a cluster, by its name and its keys alone. */
import { type Command, commandOf, keyPositions } from "../commands.ts";
import { command as commandBytes, errorReply } from "../resp.ts";
import type { Combine } from "./combine.ts";
import { slotOf } from "./slots.ts";

export type Route =
  /** To the node that has the slot, as it is. */
  | { readonly to: "slot"; readonly slot: number }
  /** No key: any node will do, and it is always the same one. */
  | { readonly to: "home" }
  /** As it is to each master. */
  | { readonly to: "masters"; readonly combine: Combine }
  /** A part of it to the node of each slot. */
  | { readonly to: "parts"; readonly parts: readonly RoutePart[]; readonly combine: Combine }
  /** Nowhere; what the client is told. */
  | { readonly to: "nowhere"; readonly reply: Uint8Array };

export interface RoutePart {
  readonly slot: number;
  readonly bytes: Uint8Array;
  /** Which keys of the command these are. */
  readonly places: readonly number[];
}

const home: Route = { to: "home" };

/** Commands without keys whose meaning is that of all nodes together. */
const toMasters: Readonly<Record<string, Combine>> = {
  "dbsize": "sum",
  "keys": "joined",
  "randomkey": "any",
  "flushall": "first",
  "flushdb": "first",
  "wait": "min",
  "script|load": "first",
  "script|flush": "first",
  "script|exists": "each",
  "function|load": "first",
  "function|delete": "first",
  "function|flush": "first",
  "function|restore": "first",
  "config|set": "first",
  "config|resetstat": "first",
  "config|rewrite": "first",
  "slowlog|reset": "first",
  "monitor": "first",
};

/** Commands that mean the same for each of their keys: from argument 1, in steps of so many. */
const splittable: Readonly<Record<string, { readonly step: 1 | 2; readonly combine: Combine }>> = {
  "mget": { step: 1, combine: "ordered" },
  "mset": { step: 2, combine: "first" },
  "del": { step: 1, combine: "sum" },
  "unlink": { step: 1, combine: "sum" },
  "exists": { step: 1, combine: "sum" },
  "touch": { step: 1, combine: "sum" },
};

/** Keys that the table doesn't call so: shard channels, and slots that are named. */
const channelAt: Readonly<Record<string, number>> = {
  "spublish": 1,
  "ssubscribe": 1,
  "sunsubscribe": 1,
};

/**
 * The route of a command outside MULTI. `whole` false: more arguments follow that nobody has seen.
 */
export function routeOf(
  { name, known, ...rest }: Command,
  args: readonly Uint8Array[],
  whole = true,
): Route {
  if (Object.hasOwn(toMasters, name)) return { to: "masters", combine: toMasters[name] ?? "first" };
  if (whole && Object.hasOwn(splittable, name)) {
    const { step, combine } = splittable[name] ?? { step: 1, combine: "first" };
    return split(args, step, combine);
  }
  if (name === "cluster|countkeysinslot" || name === "cluster|getkeysinslot") return bySlot(args);
  if (name.startsWith("cluster|") && !harmless.has(name)) return { to: "nowhere", reply: notHere };
  const slot = firstSlot({ name, known, ...rest }, args, whole);
  return slot === null ? home : { to: "slot", slot };
}

/** Of the cluster's administration, what any node can be asked. */
const harmless: ReadonlySet<string> = new Set(["cluster|keyslot", "cluster|help"]);

const notHere = errorReply(
  "ERR this subcommand of CLUSTER is not let through; hint: a cluster is administered at its nodes",
);

/** The slot of a command's first key; null where none is seen. */
export function firstSlot(
  command: Command,
  args: readonly Uint8Array[],
  whole = true,
): number | null {
  const at = firstKey(command, args, whole);
  const key = at === null ? undefined : args[at];
  return key === undefined ? null : slotOf(key);
}

function firstKey(command: Command, args: readonly Uint8Array[], whole: boolean): number | null {
  const { name, known, places } = command;
  if (Object.hasOwn(channelAt, name)) return channelAt[name] ?? null;
  // Of what isn't in the table the first argument is most often the key; if not, a redirect helps.
  if (!known) return 1;
  if (places.length === 0) return null;
  const [first] = places;
  if (first?.word === null && first.at > 0 && first.find !== null && !whole) {
    // Where keys are counted the count has to be there; the first of the others stands still.
    return keyPositions({ ...command, places: [first] }, args)?.[0] ?? null;
  }
  if (name === "sort" || name === "sort_ro") return 1;
  const positions = keyPositions(command, args);
  return positions === null ? null : positions[0] ?? null;
}

/** The slots of all keys that can be told; for what must be within one. */
export function slotsOf(command: Command, args: readonly Uint8Array[]): ReadonlySet<number> {
  const positions = keyPositions(command, args) ?? [];
  return new Set(positions.map((at) => slotOf(args[at] ?? new Uint8Array(0))));
}

function bySlot(args: readonly Uint8Array[]): Route {
  const text = new TextDecoder().decode(args[2]?.subarray(0, 8));
  return /^\d{1,5}$/.test(text) && Number(text) < 16_384
    ? { to: "slot", slot: Number(text) }
    : home;
}

function split(args: readonly Uint8Array[], step: 1 | 2, combine: Combine): Route {
  const count = (args.length - 1) / step;
  // What is wrong with the command is for a node to say.
  if (count < 1 || !Number.isInteger(count)) return home;
  const bySlot = new Map<number, number[]>();
  for (let place = 0; place < count; place++) {
    const slot = slotOf(args[1 + place * step] ?? new Uint8Array(0));
    const places = bySlot.get(slot);
    if (places === undefined) bySlot.set(slot, [place]);
    else places.push(place);
  }
  const [only] = bySlot.keys();
  if (bySlot.size === 1 && only !== undefined) return { to: "slot", slot: only };
  const name = args[0] ?? new Uint8Array(0);
  const parts = [...bySlot].map(([slot, places]) => {
    const its = places.flatMap((place) => args.slice(1 + place * step, 1 + (place + 1) * step));
    return { slot, places, bytes: commandBytes(name, ...its) };
  });
  return { to: "parts", parts, combine };
}

/** A command that may make its connection wait: what comes after it waits too. */
export function mayBlock({ name, categories }: Command): boolean {
  return categories.includes("blocking") || name === "wait";
}

/** The same, of arguments. */
export function routeOfArguments(args: readonly Uint8Array[]): Route {
  return routeOf(commandOf(args), args);
}
