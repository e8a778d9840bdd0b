import type { Gate, Parameter, Statement } from "../protocol.ts";
import type { ByteReader } from "../../bytes/reader.ts";
import { BindReader, type Bound } from "./bind.ts";
import { type Call, readCall } from "./call.ts";
import { fingerprint } from "./fingerprint.ts";
import { functionOf } from "./functions.ts";
import { type FrameHandler, Framer, type Treatment } from "./framer.ts";
import { limits } from "./limits.ts";
import { client, readBody, wireError } from "./message.ts";
import type { Portal } from "./names.ts";
import { decodeParameter } from "./parameters.ts";
import type { Session } from "./session.ts";
import { anyText, latin1, utf8 } from "./text.ts";

interface Rule {
  readonly name: string;
  readonly maxBytes: number;
  readonly treatment: Treatment;
}

/** What a client may send after its login ("Message Formats", those marked F). */
const rules: ReadonlyMap<number, Rule> = new Map<number, Rule>([
  [client.query, { name: "Query", maxBytes: limits.statementBytes, treatment: "whole" }],
  [client.parse, { name: "Parse", maxBytes: limits.statementBytes, treatment: "whole" }],
  [client.bind, { name: "Bind", maxBytes: limits.largeBytes, treatment: "parts" }],
  [client.execute, { name: "Execute", maxBytes: limits.smallBytes, treatment: "whole" }],
  [client.describe, { name: "Describe", maxBytes: limits.smallBytes, treatment: "whole" }],
  [client.close, { name: "Close", maxBytes: limits.smallBytes, treatment: "whole" }],
  [client.functionCall, {
    name: "FunctionCall",
    maxBytes: limits.statementBytes,
    treatment: "whole",
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
  readonly #framer = new Framer();
  readonly #session: Session;
  #gate: Gate | null = null;
  #bind: BindReader | null = null;
  /** Number of the pipeline under way; each Sync, Query and FunctionCall ends one. */
  #group = 0;

  constructor(session: Session) {
    this.#session = session;
  }

  /** Nothing of a message is held or half forwarded. */
  get atRest(): boolean {
    return this.#framer.atRest;
  }

  push(chunk: Uint8Array, gate: Gate): void {
    this.#gate = gate;
    this.#framer.push(chunk, this, (bytes) => gate.forward(bytes));
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
    if (type !== client.bind) return rule.treatment;
    this.#bind = new BindReader(bodyBytes);
    return bodyBytes <= limits.bindHeldBytes ? "whole" : "parts";
  }

  part(_type: number, bytes: Uint8Array, last: boolean): void {
    this.#bind?.read(bytes);
    if (last && this.#bind !== null) this.#bound(this.#bind.finish());
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
      case client.functionCall:
        this.#function(readBody("FunctionCall", body, readCall));
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

  #announce(of: Omit<Statement, "id" | "fingerprint">): Statement {
    const statement = { id: this.#session.nextId(), ...of, fingerprint: fingerprint(of.text) };
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

  #bound(bound: Bound): void {
    this.#bind = null;
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
    const statement = this.#announce({
      text: portal?.text ?? this.#session.names.spokenText(name),
      command: "execute",
      statementName: portal?.statementName ?? "",
      portalName: name,
      parameters: portal === undefined ? [] : parametersOf(portal),
      reexecution: portal?.executed ?? false,
    });
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

  #function(call: Call): void {
    const known = functionOf(call.oid);
    const name = known === null ? `OID ${call.oid}` : `"${known.name}" (OID ${call.oid})`;
    const statement = this.#announce({
      ...plain,
      command: "function",
      text: `fastpath function call: ${name}`,
      parameters: call.parameters.map((raw, at) => decodeParameter(raw, known?.types[at] ?? 0)),
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
