import type { Handshake, Protocol } from "../protocol.ts";
import { inspector } from "./inspect.ts";
import { firstDatabase, firstUser, login, startTls } from "./login.ts";
import { refuse } from "./refuse.ts";
import { spread } from "./cluster/spread.ts";
import { accept, sniff } from "./start.ts";
import { trial } from "./trial.ts";

/** It says nothing of itself before it knows who asks. */
function* greet(): Handshake<null> {
  yield* startTls();
  return null;
}

/** Redis and Valkey: RESP2 and RESP3. */
export const redis: Protocol = {
  name: "redis",
  defaultPort: 6379,
  unnamed: { user: firstUser, database: firstDatabase },
  certificateAndPassword: true,
  alpn: [],
  silentStart: true,
  sniff,
  meet: null,
  accept,
  login,
  greet,
  spread,
  trial,
  cancelSecretBytes: () => 4,
  welcome: () => new Uint8Array(0),
  inspector,
  refuse,
  cancelRequest: () => null,
};
