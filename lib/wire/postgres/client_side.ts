import type { Gate, Parameter, Statement, Tap } from "../protocol.ts";
import type { ByteReader } from "../../bytes/reader.ts";
import { BindReader, type Bound } from "./bind.ts";
import { fingerprint } from "./fingerprint.ts";
import { functionOf } from "./functions.ts";
import { type FrameHandler, Framer, type Treatment } from "./framer.ts";
import { limits } from "./limits.ts";
import { type LongRead, LongStatement } from "./long_statement.ts";
import { client, readBody, wireError } from "./message.ts";
import type { Portal } from "./names.ts";
import { decodeParameter } from "./parameters.ts";
import type { Session } from "./session.ts";
import { notRun } from "./tally.ts";
import { latin1 } from "../latin1.ts";
import { anyText, utf8 } from "../text.ts";

interface Rule {
  readonly name: string;
  readonly maxBytes: number;
  readonly treatment: Treatment;
}

/** What a client may send after its login ("Message Formats", those marked F). */
const rules: ReadonlyMap<number, Rule> = new Map<number, Rule>([
  [client.query, { name: "Query", maxBytes: limits.largeBytes, treatment: "whole" }],
  [client.parse, { name: "Parse", maxBytes: limits.largeBytes, treatment: "whole" }],
  [client.bind, { name: "Bind", maxBytes: limits.largeBytes, treatment: "parts" }],
  [client.execute, { name: "Execute", maxBytes: limits.smallBytes, treatment: "whole" }],
  [client.describe, { name: "Describe", maxBytes: limits.smallBytes, treatment: "whole" }],
  [client.close, { name: "Close", maxBytes: limits.smallBytes, treatment: "whole" }],
  [client.functionCall, {
    name: "FunctionCall",
    maxBytes: limits.largeBytes,
    treatment: "parts",
  }],
  [client.flush, { name: "Flush", maxBytes: 0, treatment: "whole" }],
  [client.sync, { name: "Sync", maxBytes: 0, treatment: "whole" }],
  [client.terminate, { name: "Terminate", maxBytes: limits.smallBytes, treatment: "whole" }],
  [client.copyData, { name: "CopyData", maxBytes: limits.largeBytes, treatment: "skip" }],
  [client.copyDone, { name: "CopyDone", maxBytes: 0, treatment: "whole" }],
  [client.copyFail, { name: "CopyFail", maxBytes: limits.smallBytes, treatment: "whole" }],
]);

const STATEMENT = 0x53; // S
const PORTAL = 0x50; // P

/** Client to database: announces statements, then lets their bytes go on. */
export class ClientSide implements FrameHandler {
  readonly #framer: Framer;
  readonly #session: Session;
  #gate: Gate | null = null;
  #bind: BindReader | null = null;
  #long: LongStatement | null = null;
  /** Number of the pipeline under way; each Sync, Query and FunctionCall ends one. */
  #group = 0;

  constructor(session: Session) {
    this.#session = session;
    this.#framer = new Framer(session.sizes);
  }

  /** Nothing of a message is held or half forwarded. */
  get atRest(): boolean {
    return this.#framer.atRest;
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

  header(type: number, bodyBytes: number): Treatment {
    const rule = rules.get(type);
    if (rule === undefined) {
      throw wireError("unexpected", "message", `type ${type} from the client`);
    }
    if (bodyBytes > rule.maxBytes) {
      const code = rule.maxBytes === 0 ? "malformed" : "oversize";
      throw wireError(code, rule.name, `${bodyBytes} bytes, limit ${rule.maxBytes}`);
    }
    if (type === client.bind || type === client.functionCall) {
      this.#bind = new BindReader(type === client.bind ? "Bind" : "FunctionCall", bodyBytes);
      return bodyBytes <= limits.bindHeldBytes ? "whole" : "parts";
    }
    const isText = type === client.query || type === client.parse;
    if (!isText || bodyBytes <= this.#session.sizes.wholeMax) return rule.treatment;
    const command = type === client.query ? "query" : "prepare";
    this.#long = new LongStatement(command, () => this.#session.nextId());
    return "pieces";
  }

  part(type: number, bytes: Uint8Array, last: boolean): void {
    if (type === client.query || type === client.parse) return this.#piece(bytes, last);
    this.#bind?.read(bytes);
    const bound = last ? this.#bind?.finish() : undefined;
    if (bound === undefined) return;
    this.#bind = null;
    if (type === client.bind) this.#bound(bound);
    else this.#function(bound);
  }

  #piece(bytes: Uint8Array, last: boolean): void {
    if (this.#gate === null) return;
    const read = this.#long?.read(bytes, last, this.#gate) ?? null;
    if (read === null) return;
    if (read.statement.command === "query") this.#longQuery(read);
    else this.#longParse(read);
    this.#long = null;
  }

  skipped(_type: number, bytes: number): void {
    this.#session.copyData(bytes);
  }

  whole(type: number, body: Uint8Array): boolean {
    switch (type) {
      case client.query:
        this.#query(readBody("Query", body, (from) => from.cbytes()));
        break;
      case client.parse:
        this.#parse(body);
        break;
      case client.bind:
      case client.functionCall:
        this.part(type, body, true);
        break;
      case client.execute:
        this.#execute(
          readBody("Execute", body, (from) => [cstring(from), from.i32be()] as const)[0],
        );
        break;
      case client.describe:
      case client.close:
        this.#describeOrClose(type, body);
        break;
      case client.sync:
        this.#session.asked({ kind: "sync", group: this.#group++ }, "Sync");
        break;
      case client.copyDone:
      case client.copyFail:
        this.#session.asked({ kind: "copyEnd", failed: type === client.copyFail }, "CopyDone");
        break;
      case client.terminate:
        this.#gate?.goodbye();
        return false;
    }
    return true;
  }

  #announce(of: Omit<Statement, "id" | "fingerprint">, known?: string): Statement {
    const id = this.#session.nextId();
    const statement = { id, ...of, fingerprint: known ?? fingerprint(of.text) };
    this.#gate?.statement(statement);
    return statement;
  }

  #query(bytes: Uint8Array): void {
    const known = utf8(bytes);
    const text = known ?? latin1(bytes);
    const statement = this.#announce({ ...plain, command: "query", text });
    // "drop_unnamed_stmt": a simple query does away with the unnamed statement.
    const change = this.#session.names.close("prepared", "");
    this.#session.names.spoken(text);
    const notUtf8 = known === null;
    const group = this.#group++;
    this.#session.asked({ kind: "query", statement, group, change, notUtf8 }, "Query");
  }

  #parse(body: Uint8Array): void {
    const [name, text, types] = readBody("Parse", body, (from) => {
      const head = [cstring(from), cstring(from)] as const;
      const oids = Array.from({ length: from.u16be() }, () => from.u32be());
      return [...head, oids] as const;
    });
    const prepared = { name, text, types, order: this.#session.lastId() };
    const change = this.#session.names.prepare(prepared);
    this.#session.asked({ kind: "parse", change, prepared }, "Parse");
  }

  #longQuery({ statement: { id }, notUtf8 }: LongRead): void {
    const change = this.#session.names.close("prepared", "");
    const group = this.#group++;
    const statement = { id, text: "" };
    this.#session.asked({ kind: "query", statement, group, change, notUtf8 }, "Query");
  }

  #longParse({ statement, types, fingerprint }: LongRead): void {
    const { id: order, statementName: name } = statement;
    const prepared = { name, text: "", streamed: { statement, fingerprint }, types, order };
    const change = this.#session.names.prepare(prepared);
    this.#session.asked({ kind: "parse", change, prepared, statement }, "Parse");
  }

  #bound(bound: Bound): void {
    const prepared = this.#session.names.prepared(bound.statementName);
    const portal: Portal = {
      name: bound.portalName,
      statementName: bound.statementName,
      text: prepared?.text ?? this.#session.names.spokenText(bound.statementName),
      prepared,
      parameters: bound.parameters,
      keptBytes: bound.keptBytes,
      group: this.#group,
      executed: false,
    };
    const change = this.#session.names.bind(portal);
    this.#session.asked({ kind: "bind", change, portal }, "Bind");
  }

  #execute(name: string): void {
    const portal = this.#session.names.portal(name);
    const asked = {
      text: portal?.text ?? this.#session.names.spokenText(name),
      command: "execute" as const,
      statementName: portal?.statementName ?? "",
      portalName: name,
      parameters: portal === undefined ? [] : parametersOf(portal),
      reexecution: portal?.executed ?? false,
    };
    const prepared = portal?.prepared;
    const streamed = prepared?.streamed;
    // What is prepared is executed often: its text is looked at once.
    const known = prepared === undefined || streamed !== undefined
      ? streamed?.fingerprint
      : prepared.fingerprint ??= fingerprint(prepared.text);
    const statement = this.#announce(
      streamed === undefined ? asked : { ...asked, textOf: streamed.statement },
      known,
    );
    if (portal !== undefined) {
      portal.executed = true;
      this.#session.names.spoken(portal.text);
    }
    this.#session.asked({ kind: "execute", statement, portal }, "Execute");
  }

  #describeOrClose(type: number, body: Uint8Array): void {
    const messageName = type === client.close ? "Close" : "Describe";
    const [what, name] = readBody(messageName, body, (from) => [from.u8(), cstring(from)] as const);
    if (what !== STATEMENT && what !== PORTAL) {
      throw wireError("malformed", messageName, "of neither statement nor portal");
    }
    if (type === client.close) {
      const change = this.#session.names.close(what === PORTAL ? "portal" : "prepared", name);
      this.#session.asked({ kind: "close", change }, messageName);
    } else {
      const prepared = what === PORTAL ? undefined : this.#session.names.prepared(name);
      this.#session.asked({ kind: "describe", prepared }, messageName);
    }
  }

  #function({ oid, parameters }: Bound): void {
    const known = functionOf(oid);
    const name = known === null ? `OID ${oid}` : `"${known.name}" (OID ${oid})`;
    const statement = this.#announce({
      ...plain,
      command: "function",
      text: `fastpath function call: ${name}`,
      parameters: parameters.map((raw, at) => decodeParameter(raw, known?.types[at] ?? 0)),
    });
    this.#session.asked({ kind: "function", statement, group: this.#group++ }, "FunctionCall");
  }
}

const plain = { statementName: "", portalName: "", parameters: [], reexecution: false } as const;

function cstring(from: ByteReader): string {
  return anyText(from.cbytes());
}

function parametersOf(portal: Portal): Parameter[] {
  const types = portal.prepared?.types ?? [];
  return portal.parameters.map((raw, at) => decodeParameter(raw, types[at] ?? 0));
}
