import type { Tap } from "../protocol.ts";
import { concat } from "../../bytes/writer.ts";
import { readErrorFields } from "./error_fields.ts";
import { type FrameHandler, Framer, type Treatment } from "./framer.ts";
import { limits } from "./limits.ts";
import { readBody, server, wireError } from "./message.ts";
import { Answers } from "./answers.ts";
import type { Session } from "./session.ts";
import { anyText } from "../text.ts";

const forwardedBefore = (): void => {};

interface Rule {
  readonly treatment: Treatment;
  readonly maxBytes: number;
}

const skip: Rule = { treatment: "skip", maxBytes: 0x7ffffffb };
const empty: Rule = { treatment: "whole", maxBytes: 0 };

/** What a database may send after the login ("Message Formats", those marked B). */
const rules: ReadonlyMap<number, Rule> = new Map<number, Rule>([
  [server.dataRow, skip],
  [server.copyData, skip],
  [server.notice, skip],
  [server.notification, skip],
  [server.parameterStatus, skip],
  [server.functionCallResponse, skip],
  [server.parseComplete, empty],
  [server.bindComplete, empty],
  [server.closeComplete, empty],
  [server.noData, empty],
  [server.emptyQuery, empty],
  [server.portalSuspended, empty],
  [server.copyDone, empty],
  [server.rowDescription, skip],
  [server.copyIn, skip],
  [server.copyOut, skip],
  [server.copyBoth, skip],
  [server.commandComplete, { treatment: "whole", maxBytes: limits.tagBytes }],
  [server.readyForQuery, { treatment: "whole", maxBytes: 1 }],
  [server.parameterDescription, {
    treatment: "whole",
    maxBytes: limits.parameterDescriptionBytes,
  }],
  [server.error, { treatment: "parts", maxBytes: 0x7ffffffb }],
]);

/** Database to client: forwarded first, then skimmed; rows are counted by their headers. */
export class ServerSide implements FrameHandler {
  readonly #framer: Framer;
  readonly #answers: Answers;
  #errorParts: Uint8Array[] = [];
  #errorBytes = 0;
  #rows = 0;

  constructor(session: Session, clientAtRest: () => boolean) {
    this.#framer = new Framer(session.sizes);
    this.#answers = new Answers(session, clientAtRest);
  }

  get atRest(): boolean {
    return this.#framer.atRest;
  }

  get rows(): number {
    return this.#rows;
  }

  push(chunk: Uint8Array, tap: Tap): void {
    tap.forward(chunk);
    this.#answers.tell(tap);
    this.#framer.push(chunk, this, forwardedBefore);
  }

  close(tap: Tap): void {
    this.#answers.close(tap);
  }

  header(type: number, bodyBytes: number): Treatment {
    if (type === server.dataRow) {
      this.#rows += 1;
      this.#answers.row(bodyBytes);
      return "skip";
    }
    const rule = rules.get(type);
    if (rule === undefined) {
      throw wireError("unexpected", "message", `type ${type} from the server`);
    }
    if (bodyBytes > rule.maxBytes) {
      throw wireError("oversize", "message", `type ${type}, ${bodyBytes} bytes`);
    }
    if (type === server.copyData) {
      this.#rows += 1;
      this.#answers.copyOutData(bodyBytes);
    } else if (rule.treatment === "skip") this.#answers.plain(type);
    return rule.treatment;
  }

  skipped(): void {
    // Counted by its header.
  }

  part(_type: number, bytes: Uint8Array, last: boolean): void {
    const room = limits.errorBytes - this.#errorBytes;
    if (room > 0) this.#errorParts.push(bytes.slice(0, room));
    this.#errorBytes += Math.min(room, bytes.length);
    if (!last) return;
    const fields = readErrorFields(concat(this.#errorParts));
    this.#errorParts = [];
    this.#errorBytes = 0;
    this.#answers.error(fields);
  }

  whole(type: number, body: Uint8Array): boolean {
    switch (type) {
      case server.commandComplete:
        this.#answers.complete(readBody("CommandComplete", body, (b) => anyText(b.cbytes())));
        break;
      case server.readyForQuery:
        this.#answers.ready(readBody("ReadyForQuery", body, (from) => from.u8()));
        break;
      case server.parameterDescription:
        this.#answers.parameterTypes(
          readBody(
            "ParameterDescription",
            body,
            (from) => Array.from({ length: from.u16be() }, () => from.u32be()),
          ),
        );
        break;
      default:
        this.#answers.plain(type);
    }
    return true;
  }
}
