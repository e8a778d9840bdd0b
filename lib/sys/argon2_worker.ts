/**
 * Argon2id in a thread of its own: 150 ms of work that would stall every session otherwise. This
 * file is both sides: imported it starts the thread, run as the thread it answers.
 */
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { Fault } from "../core/fault.ts";

const role = "argon2";

/** What is to be derived; memory in KiB. */
export interface Argon2Order {
  readonly password: string;
  readonly salt: Uint8Array;
  readonly memoryKib: number;
  readonly passes: number;
  readonly lanes: number;
  readonly length: number;
}

export interface Argon2Worker {
  /** Orders are worked off one after the other; whoever calls bounds how many wait. */
  derive(order: Argon2Order): Promise<Uint8Array>;
  /** Ends the thread; what waits is rejected. */
  close(): Promise<void>;
}

interface Question {
  readonly id: number;
  readonly order: Argon2Order;
}

interface Answer {
  readonly id: number;
  /** Null where it failed. */
  readonly hash: Uint8Array | null;
}

/** Starts the thread; an idle one doesn't keep the process alive. */
export function startArgon2(): Argon2Worker {
  const waiting = new Map<number, PromiseWithResolvers<Uint8Array>>();
  const worker = new Worker(new URL("./argon2_worker.ts", import.meta.url), { workerData: role });
  worker.unref();
  let last = 0;
  let ended = false;
  const end = (): void => {
    ended = true;
    for (const { reject } of waiting.values()) reject(gone());
    waiting.clear();
  };
  worker.on("message", ({ id, hash }: Answer) => {
    const asked = waiting.get(id);
    waiting.delete(id);
    if (hash === null) asked?.reject(gone());
    else asked?.resolve(hash);
    if (waiting.size === 0) worker.unref();
  });
  worker.on("error", end);
  worker.on("exit", end);
  return {
    derive(order) {
      if (ended) return Promise.reject(gone());
      const asked = Promise.withResolvers<Uint8Array>();
      const question: Question = { id: ++last, order };
      waiting.set(question.id, asked);
      worker.ref();
      worker.postMessage(question);
      return asked.promise;
    },
    async close() {
      end();
      await worker.terminate();
    },
  };
}

function gone(): Fault {
  return new Fault({
    kind: "unavailable",
    code: "sys.argon2-gone",
    message: "the thread that checks passwords has ended or failed",
  });
}

/** The thread's side. It listens before anything is loaded, so that no order is missed. */
function serve(): void {
  const answer = (id: number, hash: Uint8Array | null): void =>
    parentPort?.postMessage({ id, hash });
  parentPort?.on("message", ({ id, order }: Question) => {
    derive(order).then((hash) => answer(id, hash), () => answer(id, null));
  });
}

async function derive(order: Argon2Order): Promise<Uint8Array> {
  const { argon2id } = await import("hash-wasm");
  const { password, salt, memoryKib, passes, lanes, length } = order;
  return await argon2id({
    password,
    salt,
    parallelism: lanes,
    iterations: passes,
    memorySize: memoryKib,
    hashLength: length,
    outputType: "binary",
  });
}

if (!isMainThread && workerData === role) serve();
