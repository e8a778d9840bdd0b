import { asFault, type Fault } from "../core/fault.ts";
import type { TunnelSession } from "../tunnel/mod.ts";

/** The clients that bring many connections in one. */
export class ClientTunnels {
  /** What throws where a client's certificate is no longer good. */
  readonly #verify = new Map<TunnelSession, () => void>();

  get count(): number {
    return this.#verify.size;
  }

  /** Until it is closed. */
  add(session: TunnelSession, verify: () => void): void {
    this.#verify.set(session, verify);
    session.closed.then(() => this.#verify.delete(session), () => this.#verify.delete(session));
  }

  /**
   * Locks, users or authorities have changed: those that may not go on take no new stream. Their
   * sessions end one by one, each told why.
   */
  reconsider(): void {
    for (const [session, verify] of this.#verify) {
      try {
        verify();
      } catch (thrown) {
        session.goaway(asFault(thrown).shown);
      }
    }
  }

  /** Sends them elsewhere; what they have open goes on. */
  goaway(reason: string): void {
    for (const session of this.#verify.keys()) session.goaway(reason);
  }

  close(fault: Fault): void {
    for (const session of [...this.#verify.keys()]) session.close(fault);
  }
}
