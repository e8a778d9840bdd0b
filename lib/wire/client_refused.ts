import type { Refusal } from "./protocol.ts";

/** The client asked for something that is not allowed through; `refusal` is fit for the user. */
export class ClientRefused extends Error {
  override readonly name = "ClientRefused";
  readonly protocol: string;
  readonly refusal: Refusal;

  constructor(protocol: string, refusal: Refusal) {
    super(refusal.message);
    this.protocol = protocol;
    this.refusal = refusal;
  }
}
