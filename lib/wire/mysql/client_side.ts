import type { Gate, Parameter, Refusal, Statement, StreamedStatement, Tap } from "../protocol.ts";
import { ByteReader } from "../../bytes/reader.ts";
import { command } from "./commands.ts";
import { nameOfCommand, type Rule, ruleOf } from "./client_rules.ts";
import { readAttributes } from "./execute.ts";
import { Feeder } from "./feeder.ts";
import { fingerprint } from "./fingerprint.ts";
import { type CommandHandler, Framer, type Treatment, type Verdict } from "./framer.ts";
import { limits } from "./limits.ts";
import { LongStatement } from "./long_statement.ts";
import { NEWEST, type Prepared } from "./names.ts";
import { packet, readFront, wireError } from "./packet.ts";
import { refuseWithin } from "./refuse.ts";
import { errorPacket } from "./replies.ts";
import type { Pending, Session } from "./session.ts";
import { killed, offeredFiles, placeholders, usedSchema } from "./statements.ts";
import { notRun } from "./tally.ts";
import { latin1 } from "../latin1.ts";
import { anyText } from "../text.ts";
import { ValueReader } from "./value_reader.ts";

type NotAsked = Omit<Pending, "sequence">;

/** Client to database: announces statements, then lets their bytes go on. */
export class ClientSide implements CommandHandler {
  readonly #framer: Framer;
  readonly #session: Session;
  #gate: Gate | null = null;
  readonly #values: ValueReader;
  #long: LongStatement | null = null;
  /** What waits for the number of the command's last packet. */
  #asked: NotAsked | null = null;

  constructor(session: Session) {
    this.#session = session;
    this.#framer = new Framer(session.sizes);
    this.#values = new ValueReader(session);
  }

  get atRest(): boolean {
    return this.#framer.atRest;
  }

  get isFile(): boolean {
    return this.#session.file !== null;
  }

  push(chunk: Uint8Array, gate: Gate): void {
    this.#gate = gate;
    this.#framer.push(chunk, this, (bytes) => gate.forward(bytes));
  }

  /** The session ended: a statement that was still coming never came to its end. */
  close(tap: Tap): void {
    const statement = this.#long?.statement ?? null;
    if (statement !== null) tap.result(statement.id, notRun("truncated", null, ""));
    this.#long = null;
  }

  begin(code: number, bodyBytes: number, isSplit: boolean): Treatment {
    const rule = ruleOf(code);
    const name = nameOfCommand(code);
    const maxBytes = rule?.maxBytes ?? limits.smallBytes;
    if (bodyBytes > maxBytes) throw wireError("oversize", name, `${bodyBytes} bytes`);
    if (rule === null || !this.#isAllowed(rule)) {
      if (isSplit) throw wireError("oversize", name, "too long");
      return "whole";
    }
    const isLong = isSplit || bodyBytes > this.#session.sizes.wholeMax;
    switch (code) {
      case command.query:
      case command.prepare:
        if (!isLong) return "whole";
        this.#long = this.#longStatement(code === command.query ? "query" : "prepare");
        return "pieces";
      case command.execute:
      case command.bulkExecute:
      case command.longData:
        this.#values.begin();
        return isSplit || bodyBytes > limits.executeHeldBytes ? "parts" : "whole";
    }
    return "whole";
  }

  #isAllowed({ isReplication }: Rule): boolean {
    return isReplication === undefined || this.#session.terms.replication;
  }

  whole(code: number, body: Uint8Array): Verdict {
    const rule = ruleOf(code);
    if (rule === null || !this.#isAllowed(rule)) {
      this.#refuse(code, body);
      return "withheld";
    }
    switch (code) {
      case command.quit:
        this.#gate?.goodbye();
        return false;
      case command.query:
        return this.#query(body);
      case command.prepare:
        this.#prepare(anyText(body));
        return true;
      case command.execute:
      case command.bulkExecute:
      case command.longData:
        this.part(code, body, true);
        return true;
    }
    return this.#other(code, rule, body);
  }

  part(code: number, bytes: Uint8Array, last: boolean): void {
    switch (code) {
      case command.query:
      case command.prepare:
        return this.#piece(code, bytes, last);
      case command.longData:
        return this.#values.readLongData(bytes, last);
    }
    const read = this.#values.read(code, bytes, last);
    if (read !== null) this.#execute(read.id, read.prepared, read.parameters);
  }

  ended(_code: number, sequence: number): void {
    const asked = this.#asked;
    this.#asked = null;
    if (asked !== null) this.#ask(asked, (sequence + 1) & 0xff);
  }

  filed(bytes: number, sequence: number): void {
    const { file } = this.#session;
    if (file === null) return;
    file.bytes += bytes;
    file.sequence = sequence;
    if (bytes === 0) this.#session.file = null;
  }

  /** What we answer ourselves is said at once where nothing is owed before it. */
  #ask(asked: NotAsked, sequence: number): void {
    if (asked.answer === undefined || this.#session.waiting > 0) {
      return this.#session.asked({ ...asked, sequence });
    }
    this.#gate?.answer(asked.answer);
  }

  #announce(of: Omit<Statement, "id" | "fingerprint" | "schema">, known?: string): Statement {
    const { schema } = this.#session;
    const print = known ?? fingerprint(of.text);
    const statement = { id: this.#session.nextId(), ...of, fingerprint: print, schema };
    this.#gate?.statement(statement);
    return statement;
  }

  // --- texts ---

  #query(body: Uint8Array): Verdict {
    let text = body;
    let parameters: readonly Parameter[] = [];
    if (this.#session.queryAttributes) {
      const feeder = new Feeder("Query", readAttributes());
      text = body.subarray(feeder.push(body));
      ({ parameters } = feeder.end());
    }
    const said = anyText(text);
    const verdict = this.#mapped(body, text, said);
    if (verdict === "withheld") return verdict;
    const statement = this.#announce({ ...plain, command: "query", text: said, parameters });
    this.#asked = { form: "results", statement, ...effectsOf(said) };
    return verdict;
  }

  /**
   * A KILL of what its client knows by a number of ours names what the database knows; to a number
   * that is nobody's here the database's own answer is given, since there it may be somebody's.
   */
  #mapped(body: Uint8Array, text: Uint8Array, said: string): Verdict {
    // Read again from the bytes, so that the places are theirs.
    const kill = killed(said) === null ? null : killed(latin1(text));
    const real = kill === null ? null : this.#session.terms.connectionOf(kill.id);
    if (kill === null || real === null) return true;
    if (real === "unknown") return this.#nobody(said, kill.id);
    const front = body.subarray(0, body.length - text.length);
    return packet(0, (out) => {
      out.u8(command.query).bytes(front).bytes(text.subarray(0, kill.start));
      out.utf8(String(real)).bytes(text.subarray(kill.end));
    });
  }

  #nobody(text: string, id: number): "withheld" {
    const message = `no session of this database here has the number ${id}`;
    this.#gate?.refused(text, { kind: "invalid", message });
    const answer = errorPacket(1, {
      number: 1094,
      sqlState: "HY000",
      message: `Unknown thread id: ${id}`,
    });
    this.#asked = { form: "ours", answer };
    return "withheld";
  }

  #prepare(text: string): void {
    const statement = this.#announce({ ...plain, command: "prepare", text });
    const { fingerprint: print } = statement;
    this.#prepared({ text, fingerprint: print, count: placeholders(text) }, statement);
  }

  #prepared(
    of: Pick<Prepared, "text" | "fingerprint" | "streamed" | "count">,
    statement: Pending["statement"],
  ): void {
    const prepared: Prepared = { ...of, isCertain: false, types: null, longData: new Map() };
    this.#session.names.asked(prepared);
    this.#asked = { form: "prepared", prepared, ...(statement === undefined ? {} : { statement }) };
  }

  #longStatement(how: "query" | "prepare"): LongStatement {
    const hasAttributes = how === "query" && this.#session.queryAttributes;
    return new LongStatement(hasAttributes, (parameters) => ({
      id: this.#session.nextId(),
      ...plain,
      command: how,
      parameters,
      schema: this.#session.schema,
    }));
  }

  #piece(code: number, bytes: Uint8Array, last: boolean): void {
    const gate = this.#gate;
    const read = gate === null ? null : this.#long?.read(bytes, last, gate) ?? null;
    if (read === null) return;
    this.#long = null;
    const { statement: { id }, front } = read;
    const statement = { id, text: "" };
    if (code === command.query) {
      this.#asked = { form: "results", statement, ...effectsOf(front) };
      return;
    }
    const { statement: streamed, fingerprint: print } = read;
    const count = placeholders(front);
    this.#prepared({ text: "", fingerprint: print, streamed, count }, statement);
  }

  // --- values ---

  #execute(
    id: number,
    prepared: Prepared | undefined,
    parameters: readonly Parameter[],
    reexecution = false,
  ): void {
    const { text = "", streamed, fingerprint: known } = prepared ?? {};
    const statementName = id === NEWEST ? "newest" : String(id);
    const of = { ...plain, command: "execute" as const, text, statementName, reexecution };
    const textOf: StreamedStatement | undefined = streamed;
    const statement = this.#announce(
      { ...of, parameters, ...(textOf === undefined ? {} : { textOf }) },
      known,
    );
    if (!reexecution) this.#session.names.dropLongData(prepared);
    this.#asked = { form: reexecution ? "rows" : "results", statement, isExecution: true };
  }

  // --- other commands ---

  #other(code: number, rule: Rule, body: Uint8Array): Verdict {
    const { form, name, shows } = rule;
    const from = new ByteReader(body);
    const { names } = this.#session;
    let effects: Pick<Pending, "schema" | "clears"> = {};
    let verdict: Verdict = true;
    switch (code) {
      case command.closeStatement:
        names.close(statementId(from, rule));
        return true;
      case command.resetStatement:
        names.dropLongData(names.get(statementId(from, rule)));
        break;
      case command.fetch: {
        const id = statementId(from, rule);
        this.#execute(id, names.get(id), [], true);
        return true;
      }
      case command.initDb:
        effects = { schema: anyText(body) };
        break;
      case command.resetConnection:
        effects = { clears: true };
        break;
      case command.processKill:
        verdict = this.#processKill(name, from);
        if (verdict === "withheld") return verdict;
    }
    const statement = shows === undefined ? {} : { statement: this.#named(rule, body) };
    if (form !== "none") this.#asked = { form, ...statement, ...effects };
    return verdict;
  }

  #named({ name, shows }: Rule, body: Uint8Array): Statement {
    const about = shows === "name"
      ? anyText(body).replaceAll("\0", " ")
      : shows === "number" && body.length > 0
      ? String(littleEndian(body.subarray(0, 4)))
      : "";
    const text = `${name} ${about}`.trim();
    return this.#announce({ ...plain, command: "command", text }, fingerprint(name));
  }

  #processKill(name: string, from: ByteReader): Verdict {
    if (from.left < 4) return true;
    const id = from.u32le();
    const real = this.#session.terms.connectionOf(id);
    if (real === null) return true;
    if (real === "unknown") return this.#nobody(`${name} ${id}`, id);
    return packet(0, (out) => out.u8(command.processKill).u32le(real));
  }

  /** Said in our own words; the session goes on. */
  #refuse(code: number, body: Uint8Array): void {
    const name = nameOfCommand(code);
    const rule = ruleOf(code);
    const refusal: Refusal = code === command.changeUser
      ? { kind: "denied", message: "another database user takes a new connection" }
      : rule !== null || name === "Clone" || name === "Table Dump"
      ? { kind: "denied", message: `${name} is for replicas, and no role of yours allows it` }
      : { kind: "invalid", message: "this command is not known here" };
    const user = code === command.changeUser ? anyText(body.subarray(0, body.indexOf(0))) : "";
    this.#gate?.refused(`${name} ${user}`.trim().slice(0, limits.nameBytes), refusal);
    const answer = refusal.kind === "invalid"
      ? errorPacket(1, { number: 1047, sqlState: "08S01", message: refusal.message })
      : refuseWithin(refusal, 1);
    this.#asked = { form: "ours", answer };
  }
}

const plain = {
  statementName: "",
  portalName: "",
  parameters: [],
  reexecution: false,
} as const;

/** What a text does to the session beside what the server says of that. */
function effectsOf(text: string): Pick<Pending, "schema" | "offers" | "runsText"> {
  const schema = usedSchema(text);
  const offers = offeredFiles(text);
  return {
    ...(/^\s*(?:prepare|execute)\b/i.test(text) ? { runsText: true } : {}),
    ...(schema === null ? {} : { schema }),
    ...(offers.length === 0 ? {} : { offers }),
  };
}

function statementId(from: ByteReader, { name }: Rule): number {
  return readFront(name, from, () => from.u32le());
}

function littleEndian(bytes: Uint8Array): number {
  return bytes.reduceRight((sum, byte) => sum * 256 + byte, 0);
}
