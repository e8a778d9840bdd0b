import { lookup } from "node:dns/promises";
import { connectionFault } from "./socket_stream.ts";

/**
 * The addresses of a host, as connecting to it would look them up; an address is its own. Faults:
 * `sys.connection-lost` with `errno` ENOTFOUND, EAI_AGAIN and the like. The system's lookup can't
 * be stopped: after an abort it is only no longer waited for.
 */
export async function resolveHost(host: string, signal: AbortSignal): Promise<readonly string[]> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const aborted = (): void => reject(signal.reason);
  signal.addEventListener("abort", aborted, { once: true });
  try {
    const found = await Promise.race([lookup(host, { all: true }), promise]);
    return found.map(({ address }) => address);
  } catch (error) {
    signal.throwIfAborted();
    throw connectionFault(error);
  } finally {
    signal.removeEventListener("abort", aborted);
  }
}
