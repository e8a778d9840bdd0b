import type { CommandAsked } from "../commands.ts";
import type { Statement } from "../protocol.ts";
import { idOf } from "../statement_form.ts";
import { lineOf } from "./asked.ts";
import { limits } from "./limits.ts";

/** Commands that came together and are recorded together. */
export class Batch {
  readonly id: number;
  readonly #commands: CommandAsked[] = [];
  #names: string[] = [];
  #text = "";
  #characters = 0;

  constructor(id: number) {
    this.id = id;
  }

  /** How many there are: the index of the next one. */
  get count(): number {
    return this.#commands.length;
  }

  get isFull(): boolean {
    return this.#commands.length >= limits.batchCommands ||
      this.#characters >= limits.batchCharacters;
  }

  add(name: string, asked: CommandAsked): void {
    this.#commands.push(asked);
    if (this.#names.at(-1) !== name) this.#names.push(name);
    for (const text of asked.args) this.#characters += text.length;
    const line = lineOf(asked);
    this.#text += this.#text === "" ? line : `\n${line}`;
  }

  statement(): Statement {
    return {
      id: this.id,
      text: this.#text,
      command: "command",
      commands: this.#commands,
      statementName: "",
      portalName: "",
      parameters: [],
      reexecution: false,
      // The same for the same commands in the same order, whatever their arguments.
      fingerprint: idOf(this.#names.join(" ")),
    };
  }
}
