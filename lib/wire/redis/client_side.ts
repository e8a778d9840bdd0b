import type { AskedCommand } from "../commands.ts";
import type { Gate, Refusal, Tap } from "../protocol.ts";
import { ClientRefused } from "../client_refused.ts";
import { type StreamSizes, streamSizes } from "../streaming.ts";
import { ask, lineOf, shown } from "./asked.ts";
import { Batch } from "./batch.ts";
import { type CommandHandler, CommandReader, type LongTreatment } from "./command_reader.ts";
import { type Command, commandOf, keyPositions, nameText } from "./commands.ts";
import { type Control, controlOf, mayControl, type Outcome, type Owe } from "./controls.ts";
import type { KeptArgument, LongCommand } from "./long_command.ts";
import { refuse, saidError } from "./refuse.ts";
import { notRun } from "./results.ts";
import { maySaySecrets } from "./secrets.ts";
import type { Session } from "./session.ts";

/** A command at hand, and the bytes it came as. */
interface Call {
  readonly command: Command;
  readonly args: readonly Uint8Array[];
  readonly kept?: readonly KeptArgument[];
  readonly omitted?: number;
}

const nothing = new Uint8Array(0);

/** Client to database: announces commands, then lets their bytes go on. */
export class ClientSide implements CommandHandler {
  readonly #reader: CommandReader;
  readonly #session: Session;
  #gate: Gate | null = null;
  #batch: Batch | null = null;
  /** What goes on once the batch is announced: a part of one buffer, and those before it. */
  #parts: Uint8Array[] = [];
  /** Why a long command that is left out is; null: it passes. */
  #left: Refusal | null = null;

  constructor(session: Session, sizes: StreamSizes = streamSizes) {
    this.#session = session;
    this.#reader = new CommandReader(sizes);
  }

  /** Nothing of a command is held or half forwarded. */
  get atRest(): boolean {
    return this.#reader.atRest;
  }

  push(chunk: Uint8Array, gate: Gate): void {
    this.#gate = gate;
    try {
      this.#reader.push(chunk, this);
    } finally {
      this.#flush();
    }
    this.#session.settle(gate);
  }

  /** The session ended: of a command that was still coming the server ran nothing. */
  close(tap: Tap): void {
    const long = this.#reader.long;
    if (long === null || this.#left !== null || long.arguments.length === 0) return;
    const call = callOf(long);
    const batch = new Batch(this.#session.nextId());
    batch.add(call.command.name, this.#asked(call));
    tap.lateStatement(batch.statement());
    tap.result(batch.id, notRun("truncated"));
  }

  command(args: readonly Uint8Array[], bytes: Uint8Array): boolean {
    const call = { command: commandOf(args), args };
    const refusal = this.#refusal(call);
    if (refusal !== null) {
      this.#refuse(call, refusal);
      return true;
    }
    const control = controlOf(call.command.name);
    if (control !== undefined) return this.#control(control, call, bytes);
    this.#take(call);
    this.#forward(bytes);
    this.#flushIfFull();
    return true;
  }

  blank(bytes: Uint8Array): void {
    this.#forward(bytes);
  }

  long(args: readonly Uint8Array[]): LongTreatment {
    if (mayControl(nameText(args[0]).toLowerCase())) return "hold";
    this.#left = this.#refusal({ command: commandOf(args), args });
    if (this.#left !== null) return "drop";
    this.#flush();
    return "pass";
  }

  passes(bytes: Uint8Array): void {
    this.#gate?.forward(bytes);
  }

  ended(long: LongCommand, last: Uint8Array): void {
    const call = callOf(long);
    if (last.length === 0) {
      this.#refuse(call, this.#left ?? tooLong);
    } else {
      const refusal = this.#refusal(call);
      if (refusal !== null) {
        // Its beginning is at the server already, which never gets its end.
        this.#gate?.refused(lineOf(this.#asked(call)), refusal);
        throw new ClientRefused("redis", refusal);
      }
      this.#take(call);
      this.#forward(last);
      this.#flush();
    }
    this.#left = null;
  }

  #refusal(call: Call): Refusal | null {
    const { terms } = this.#session;
    return terms === null ? null : terms.refusal(new Question(call));
  }

  #control(control: Control, call: Call, bytes: Uint8Array): boolean {
    const outcome = control(call.args, this.#session);
    switch (outcome.do) {
      case "forward":
        this.#take(call, outcome.owe);
        this.#forward(bytes);
        break;
      case "replace":
        this.#take(call, outcome.owe);
        this.#forward(outcome.bytes);
        break;
      case "answer":
        this.#answer(call, outcome.line, outcome.last ?? false);
        break;
      case "instead":
        this.#instead(call, outcome);
        break;
      case "refuse":
        this.#refuse(call, outcome.refusal);
    }
    this.#flushIfFull();
    return !(outcome.do === "answer" && outcome.last === true);
  }

  #asked({ command, args, kept, omitted }: Call): ReturnType<typeof ask> {
    const values = this.#session.terms?.values ?? true;
    const rest = { ...(kept === undefined ? {} : { kept }), omitted: omitted ?? 0 };
    return ask({ command, args, values, ...rest });
  }

  /** Notes a command for the record; gives its place in it. */
  #note(call: Call): { readonly id: number; readonly index: number } {
    this.#batch ??= new Batch(this.#session.nextId());
    const index = this.#batch.count;
    this.#batch.add(call.command.name, this.#asked(call));
    return { id: this.#batch.id, index };
  }

  /** A command that goes on, and what is owed for it. */
  #take(call: Call, owe?: Owe): void {
    const { owed, client } = this.#session;
    const { id, index } = this.#note(call);
    const { name } = call.command;
    if (owe?.kind === "silent") return owed.push("silent", id, index);
    const isQuiet = client.replies !== "on";
    if (client.replies === "skip") client.replies = "on";
    // Confirmations come whatever was said of replies.
    if (isQuiet && owe?.kind !== "confirm") owed.push("silent", id, index);
    else if (owe === undefined && maySaySecrets(name)) owed.push("special", id, index, { name });
    else if (owe === undefined) owed.plain(id, index);
    else owed.push(owe.kind, id, index, { name: owe.name, left: owe.left });
  }

  /** Something of ours that the client is told when its turn has come. */
  #say(id: number, index: number, line: string, last = false): void {
    const { owed, client } = this.#session;
    const isQuiet = client.replies !== "on" && !last;
    if (client.replies === "skip") client.replies = "on";
    const bytes = isQuiet ? nothing : new TextEncoder().encode(`${line}\r\n`);
    const reply = line.startsWith("-")
      ? saidError(line.slice(1), bytes)
      : { type: "status", error: null, elements: 0, bytes: bytes.length };
    owed.push("answer", id, index, { bytes, reply, last });
  }

  #answer(call: Call, line: string, last: boolean): void {
    const { id, index } = this.#note(call);
    this.#say(id, index, line, last);
  }

  #instead(call: Call, { steps, line }: Extract<Outcome, { do: "instead" }>): void {
    const { id, index } = this.#note(call);
    const { owed, client } = this.#session;
    for (const { bytes, owe } of steps) {
      const { kind, name, left } = owe;
      if (client.replies === "on") owed.push(kind, 0, 0, { name, left, swallow: true });
      this.#forward(bytes);
    }
    this.#say(id, index, line);
  }

  /** Not let through, in the order of what was asked; a transaction it is in can't be run. */
  #refuse(call: Call, refusal: Refusal): void {
    this.#flush();
    this.#gate?.refused(lineOf(this.#asked(call)), refusal);
    if (this.#session.client.multi) this.#session.client.dirty = true;
    const line = new TextDecoder().decode(refuse(refusal)).trimEnd();
    this.#say(0, 0, line);
  }

  #forward(bytes: Uint8Array): void {
    const last = this.#parts.at(-1);
    const isNext = last !== undefined && last.buffer === bytes.buffer &&
      last.byteOffset + last.length === bytes.byteOffset;
    if (!isNext) return void this.#parts.push(bytes);
    const length = last.length + bytes.length;
    this.#parts[this.#parts.length - 1] = new Uint8Array(last.buffer, last.byteOffset, length);
  }

  #flushIfFull(): void {
    if (this.#batch?.isFull === true) this.#flush();
  }

  #flush(): void {
    const gate = this.#gate;
    if (gate === null) return;
    const batch = this.#batch;
    const parts = this.#parts;
    this.#batch = null;
    this.#parts = [];
    if (batch !== null) gate.statement(batch.statement());
    for (const part of parts) gate.forward(part);
  }
}

function callOf(long: LongCommand): Call {
  const kept = long.arguments;
  const args = kept.map(({ bytes }) => bytes);
  const command = args.length === 0 ? commandOf([nothing]) : commandOf(args);
  return { command, args, kept, omitted: long.omitted };
}

const tooLong: Refusal = { kind: "invalid", message: "the command is too long" };

/** A command as it is decided over; what costs is looked at when it is asked for. */
class Question implements AskedCommand {
  readonly #call: Call;

  constructor(call: Call) {
    this.#call = call;
  }

  get name(): string {
    return this.#call.command.name;
  }

  get categories(): readonly string[] {
    return this.#call.command.categories;
  }

  get known(): boolean {
    return this.#call.command.known;
  }

  keys(): readonly string[] | null {
    const { command, args, omitted = 0 } = this.#call;
    const positions = omitted > 0 ? null : keyPositions(command, args);
    return positions?.map((at) => shown(args[at] ?? nothing)) ?? null;
  }

  databases(): readonly string[] {
    const { command: { name }, args } = this.#call;
    switch (name) {
      case "select":
        return [nameText(args[1])];
      case "move":
        return [nameText(args[2])];
      case "swapdb":
        return [nameText(args[1]), nameText(args[2])];
      case "copy": {
        const at = args.findIndex((word, index) =>
          index > 2 && nameText(word).toLowerCase() === "db"
        );
        return at < 0 ? [] : [nameText(args[at + 1])];
      }
      default:
        return [];
    }
  }
}
