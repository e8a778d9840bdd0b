import type { Handshake, Protocol } from "../protocol.ts";
import { accept } from "./accept.ts";
import { cancelRequest } from "./cancel.ts";
import { inspector } from "./inspect.ts";
import { login } from "./login.ts";
import { refuse } from "./refuse.ts";
import { sniff } from "./sniff.ts";
import { startTls } from "./start_tls.ts";
import { trial } from "./trial.ts";
import { cancelSecretBytes, welcome } from "./welcome.ts";

/** It says nothing of itself before it knows who asks. */
function* greet(): Handshake<null> {
  yield* startTls();
  return null;
}

/** PostgreSQL's frontend/backend protocol 3.0 and 3.2. */
export const postgres: Protocol = {
  name: "postgres",
  defaultPort: 5432,
  alpn: ["postgresql"],
  sniff,
  meet: null,
  accept,
  login,
  greet,
  trial,
  cancelSecretBytes,
  welcome,
  inspector,
  refuse,
  cancelRequest,
};
