import { concat } from "../../bytes/writer.ts";
import type { Protocol } from "../protocol.ts";
import { accept } from "./accept.ts";
import { cancelRequest } from "./cancel.ts";
import { inspector } from "./inspect.ts";
import { greet, login } from "./login.ts";
import { meet } from "./meet.ts";
import { refuse } from "./refuse.ts";
import { trial } from "./trial.ts";

/** The client/server protocol of MySQL (5.7 and newer) and MariaDB (10.2 and newer). */
export const mysql: Protocol = {
  name: "mysql",
  defaultPort: 3306,
  mayLackDatabase: true,
  alpn: [],
  // The client says nothing before it was greeted.
  sniff: () => null,
  meet,
  accept,
  login,
  greet,
  trial,
  cancelSecretBytes: () => 0,
  welcome: ({ greeting }) => concat(greeting),
  inspector,
  refuse,
  cancelRequest,
};
