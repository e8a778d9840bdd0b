/** The configuration file. */
import { ok } from "node:assert/strict";
import { configFault, loadConfig } from "../../lib/config/mod.ts";
import type { Target } from "./campaign.ts";

const files = [
  "version: v1\nauth_service: {}\n",
  `version: v1
remoteler:
  nodename: agent-1
  data_dir: /srv/remoteler
  proxy_server: db.example.com:3080
  join:
    method: token
    token_file: /run/secrets/token
  ca_pin: sha256:${"ab".repeat(32)}
  log: {level: debug, format: text}
db_service:
  drain_timeout: 1m30s
  databases:
    - name: orders
      protocol: postgres
      uri: "[fd00::5]:5432"
      labels: {env: prod}
      tls: {ca_cert_file: /etc/orders.pem}
  audit:
    spool_limit_bytes: 2097152
`,
  `version: v1
remoteler: &here
  data_dir: "a\\tb"
  auth_server: [1, ~, {a: *here}]
proxy_service: |
  text
db_service:
  databases: [{name: a, uri: 'b'}, {name: a}]
`,
];
const decoder = new TextDecoder();

export const targets: readonly Target[] = [
  {
    name: "configuration file",
    seeds: files.map((text) => new TextEncoder().encode(text)),
    words: [
      "- ",
      ": ",
      "\n  ",
      "&a ",
      "*a",
      "<<: ",
      "{",
      "[",
      "|\n",
      ">\n",
      "? ",
      "!!binary ",
      "~",
      "---\n",
      "%YAML 1.1\n",
      "__proto__: ",
      "constructor: ",
      "'",
      '"',
      "#",
      "\t",
      "1e999",
      "0x1F",
    ],
    bytesMax: 4096,
    answers: [],
    run: (input) => {
      const text = decoder.decode(input);
      const loaded = loadConfig(text);
      if (loaded.ok) return "ok";
      const lines = text.split(/\r\n|\r|\n/).length;
      ok(loaded.issues.length > 0, "refused without a reason");
      for (const issue of loaded.issues) {
        ok(issue.line >= 1 && issue.line <= lines, `line ${issue.line} of ${lines}`);
      }
      ok(configFault("remoteler.yaml", loaded.issues).message.length > 0);
      const [first] = loaded.issues;
      return first === undefined ? "" : first.expected.replaceAll(/[\d`'"].*/g, "#");
    },
  },
];
