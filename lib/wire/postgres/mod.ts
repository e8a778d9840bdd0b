import type { Protocol } from "../protocol.ts";
import { accept } from "./accept.ts";
import { cancelRequest } from "./cancel.ts";
import { inspector } from "./inspect.ts";
import { login } from "./login.ts";
import { refuse } from "./refuse.ts";
import { sniff } from "./sniff.ts";
import { startTls } from "./start_tls.ts";
import { trial } from "./trial.ts";
import { cancelSecretBytes, welcome } from "./welcome.ts";

/** PostgreSQL's frontend/backend protocol 3.0 and 3.2. */
export const postgres: Protocol = {
  name: "postgres",
  defaultPort: 5432,
  alpn: ["postgresql"],
  sniff,
  accept,
  login,
  greet: startTls,
  trial,
  cancelSecretBytes,
  welcome,
  inspector,
  refuse,
  cancelRequest,
};
