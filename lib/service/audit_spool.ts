/** A service's audit spool on its own disk, and what ships it to Auth. */
import type { AuthClient } from "../api/contract.ts";
import { type DiskSpool, openSpool } from "../audit/disk_spool.ts";
import { Shipper } from "../audit/shipper.ts";
import { privateDirectory } from "../sys/private_directory.ts";
import type { Runtime } from "./runtime.ts";

export interface ShippedSpool {
  readonly spool: DiskSpool;
  readonly shipper: Shipper;
  /**
   * Waits for Auth to have everything, for at most `waitMs`, then closes; the rest is sent next
   * time.
   */
  close(waitMs: number): Promise<void>;
}

export interface ShippedSpoolOptions {
  readonly runtime: Runtime;
  readonly role: "proxy" | "db";
  readonly client: AuthClient;
  readonly limitBytes?: number;
}

export async function openShippedSpool(options: ShippedSpoolOptions): Promise<ShippedSpool> {
  const { runtime, role, client, limitBytes } = options;
  const { clock, random } = runtime;
  const log = runtime.log.child({ role }, "audit");
  const spool = await openSpool({
    files: await privateDirectory(`${runtime.dataDir}/spool/${role}`),
    clock,
    random,
    log,
    ...(limitBytes === undefined ? {} : { limitBytes }),
  });
  const shipper = new Shipper({
    spool,
    clock,
    random,
    log,
    append: async ({ spool, first, events, contexts, context_of }, signal) => {
      const lists = { events: [...events], contexts: [...contexts], context_of: [...context_of] };
      return (await client.call("audit.append", { spool, first, ...lists }, signal)).high;
    },
  });
  let closing: Promise<void> | null = null;
  const close = async (waitMs: number): Promise<void> => {
    const tooLong = new AbortController();
    const timer = clock.after(waitMs, () => tooLong.abort());
    await shipper.drained(tooLong.signal).catch(() => {});
    timer.cancel();
    await shipper.stop();
    await spool.close();
  };
  return { spool, shipper, close: (waitMs) => closing ??= close(waitMs) };
}
