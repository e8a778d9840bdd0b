/** Commands that change the conversation itself, or that are answered here. */
import type { Refusal } from "../protocol.ts";
import { latin1 } from "../latin1.ts";
import { ClientRefused } from "../client_refused.ts";
import { nameText } from "./commands.ts";
import type { Session } from "./session.ts";
import { command } from "./resp.ts";

/** What becomes of such a command. */
export type Outcome =
  /** It goes on as it came. `owe`: what the server will say to it, one reply where absent. */
  | { readonly do: "forward"; readonly owe?: Owe }
  /** Answered here: a status, or an error with its code. */
  | { readonly do: "answer"; readonly line: string; readonly last?: boolean }
  /** Other bytes go on in its place. */
  | { readonly do: "replace"; readonly bytes: Uint8Array; readonly owe: Owe }
  /** Bytes go on whose replies are not for the client; then it is answered here. */
  | {
    readonly do: "instead";
    readonly steps: readonly { readonly bytes: Uint8Array; readonly owe: Owe }[];
    readonly line: string;
  }
  | { readonly do: "refuse"; readonly refusal: Refusal };

export interface Owe {
  readonly kind: "silent" | "confirm" | "special";
  readonly name: string;
  readonly left: number;
}

export type Control = (args: readonly Uint8Array[], session: Session) => Outcome;

const forward: Outcome = { do: "forward" };
const ok: Outcome = { do: "answer", line: "+OK" };

export function controlOf(name: string): Control | undefined {
  return controls.get(name);
}

/** A first word that may lead to a control: a long command is held until that is known. */
export function mayControl(word: string): boolean {
  return controls.has(word) || word === "client";
}

function special(name: string): Owe {
  return { kind: "special", name, left: 0 };
}

function auth(args: readonly Uint8Array[], session: Session): Outcome {
  if (session.client.multi) return notInMulti(session);
  if (args.length === 2) return ok;
  if (args.length !== 3) return answer("-ERR wrong number of arguments for 'auth' command");
  return isUser(args[1], session) ? ok : answer(otherUser(session));
}

/** The password is not looked at: the certificate proved who it is. */
function isUser(name: Uint8Array | undefined, { terms }: Session): boolean {
  return terms === null || latin1(name ?? new Uint8Array(0)) === utf8Bytes(terms.user);
}

function utf8Bytes(text: string): string {
  return latin1(new TextEncoder().encode(text));
}

function otherUser({ terms }: Session): string {
  return `-WRONGPASS this session is for the database user ${terms?.user ?? ""}; hint: leave the ` +
    "user name out, or get a certificate for another with: tsh db login --db-user=...";
}

function answer(line: string): Outcome {
  return { do: "answer", line };
}

function notInMulti(session: Session): Outcome {
  session.client.dirty = true;
  return answer("-ERR Command not allowed inside a transaction");
}

/** HELLO [2|3 [AUTH user password] [SETNAME name]]: what it says of AUTH does not go on. */
function hello(args: readonly Uint8Array[], session: Session): Outcome {
  if (session.client.multi) return notInMulti(session);
  const version = nameText(args[1]);
  const owe = special(version === "2" || version === "3" ? `hello${version}` : "hello");
  session.client.hello = true;
  // Nothing will tell that it was done.
  if (session.client.replies !== "on" && version === "3") session.resp = 3;
  const kept: Uint8Array[] = [...args.slice(0, 2)];
  let isStripped = false;
  for (let at = 2; at < args.length; at++) {
    const option = nameText(args[at]).toLowerCase();
    if (option === "auth" && at + 2 < args.length) {
      if (!isUser(args[at + 1], session)) return answer(otherUser(session));
      at += 2;
      isStripped = true;
    } else if (option === "setname" && at + 1 < args.length) {
      session.client.named = true;
      kept.push(...args.slice(at, at + 2));
      at += 1;
    } else return answer("-ERR Syntax error in HELLO option");
  }
  return isStripped ? { do: "replace", bytes: command(...kept), owe } : { do: "forward", owe };
}

function exec(_args: readonly Uint8Array[], { client }: Session): Outcome {
  const { multi, dirty } = client;
  client.multi = false;
  client.dirty = false;
  if (!multi || !dirty) return { do: "forward", owe: special("exec") };
  return {
    do: "instead",
    steps: [{ bytes: command("DISCARD"), owe: special("") }],
    line: "-EXECABORT Transaction discarded because of previous errors.",
  };
}

function subscribing(name: string, all: boolean): Control {
  return (args, { client }) => {
    if (client.multi) return inTransaction(name, client);
    client.subscribed = true;
    const count = args.length - 1;
    // Without a channel it is an error, or means all there are.
    if (count === 0 && !all) return forward;
    return { do: "forward", owe: { kind: "confirm", name, left: count === 0 ? -1 : count } };
  };
}

function inTransaction(name: string, client: Session["client"]): Outcome {
  client.dirty = true;
  const message = `${name} is not let through inside MULTI: its replies can't be told apart there`;
  return { do: "refuse", refusal: { kind: "invalid", message } };
}

function clientReply(args: readonly Uint8Array[], { client }: Session): Outcome {
  const mode = nameText(args[2]).toLowerCase();
  if (args.length !== 3 || (mode !== "on" && mode !== "off" && mode !== "skip")) return forward;
  if (client.multi) return inTransaction("client reply", client);
  if (mode === "on") {
    client.replies = "on";
    return { do: "forward", owe: special("") };
  }
  if (mode === "off") client.replies = "off";
  else if (client.replies !== "off") client.replies = "skip";
  return { do: "forward", owe: { kind: "silent", name: "", left: 0 } };
}

/**
 * RESET would log the connection out, and in again as the default user: what it does otherwise is
 * done by its parts.
 */
function reset(_args: readonly Uint8Array[], session: Session): Outcome {
  const { client } = session;
  if (session.monitoring) {
    const message = "MONITOR can't be left with RESET here";
    throw new ClientRefused("redis", { kind: "invalid", message, hint: "connect again" });
  }
  const steps: { readonly bytes: Uint8Array; readonly owe: Owe }[] = [];
  const step = (owe: Owe, ...parts: readonly string[]) =>
    steps.push({ bytes: command(...parts), owe });
  const plain = special("");
  if (client.replies !== "on") step(plain, "CLIENT", "REPLY", "ON");
  if (client.multi) step(plain, "DISCARD");
  if (client.subscribed) {
    for (const name of ["unsubscribe", "punsubscribe", "sunsubscribe"]) {
      step({ kind: "confirm", name, left: -1 }, name);
    }
  }
  step(plain, "UNWATCH");
  if (client.tracking) step(plain, "CLIENT", "TRACKING", "OFF");
  if (client.named) step(plain, "CLIENT", "SETNAME", "");
  if (client.readonly) step(plain, "READWRITE");
  if (client.selected) step(plain, "SELECT", session.database);
  if (client.hello) step(special("hello2"), "HELLO", "2");
  const fresh = { tracking: false, named: false, readonly: false, selected: false };
  const quiet = { multi: false, dirty: false, subscribed: false, hello: false } as const;
  Object.assign(client, fresh, quiet);
  client.replies = "on";
  return { do: "instead", steps, line: "+RESET" };
}

/** Takes note of what RESET has to undo. */
function noting(what: "tracking" | "named" | "readonly" | "selected"): Control {
  return (_, { client }) => {
    client[what] = true;
    return forward;
  };
}

function replication(): Outcome {
  return {
    do: "refuse",
    refusal: {
      kind: "invalid",
      message: "replication is not let through",
      hint: "let replicas connect to the database itself",
    },
  };
}

const controls: ReadonlyMap<string, Control> = new Map<string, Control>([
  ["auth", auth],
  ["hello", hello],
  ["quit", () => ({ do: "answer", line: "+OK", last: true })],
  ["reset", reset],
  ["multi", (_, { client }) => {
    client.multi = true;
    return { do: "forward", owe: special("multi") };
  }],
  ["exec", exec],
  ["discard", (_, { client }) => {
    client.multi = false;
    client.dirty = false;
    return forward;
  }],
  ["subscribe", subscribing("subscribe", false)],
  ["psubscribe", subscribing("psubscribe", false)],
  ["ssubscribe", subscribing("ssubscribe", false)],
  ["unsubscribe", subscribing("unsubscribe", true)],
  ["punsubscribe", subscribing("punsubscribe", true)],
  ["sunsubscribe", subscribing("sunsubscribe", true)],
  ["monitor", () => ({ do: "forward", owe: special("monitor") })],
  ["client|reply", clientReply],
  ["client|tracking", noting("tracking")],
  ["client|setname", noting("named")],
  ["readonly", noting("readonly")],
  ["select", noting("selected")],
  ["sync", replication],
  ["psync", replication],
  ["replconf", replication],
]);
