/** `docs/configuration.md`, made from the shape: every field with its type, default and meaning. */
import { configJsonSchema } from "./shape.ts";
import { secretVariables } from "./secrets.ts";

const head = `# Configuration

\`remoteler start -c FILE\` reads one YAML file (default: \`REMOTELER_CONFIG\`, then
\`/etc/remoteler.yaml\`). All mistakes in it are told at once, each with its line:

\`\`\`
remoteler: error: remoteler.yaml:4: remoteler.auth_server: should be "host:port"
remoteler: error: remoteler.yaml:8: proxy_servce: unknown field, did you mean proxy_service?
remoteler: hint: 2 things to put right
\`\`\`

\`remoteler configure --services=auth,proxy,db\` prints a commented file to begin with. The same
shape as JSON Schema, for editors: [config.schema.json](config.schema.json).

- A section of a service that is there runs, unless it says \`enabled: false\`.
- Durations are written \`500ms\`, \`30s\`, \`15m\`, \`12h\`, \`1h30m\`, \`7d\`.
- Addresses are \`host:port\`, IPv6 as \`[::1]:3025\`. A listener with port 0 takes any free one;
  the log line \`ready\` and \`--ready-file\` tell which.
- Secrets are best kept in files (first line) that only the service can read, or in the environment:
  \`${secretVariables.joinToken}\` stands in for \`remoteler.join.token_file\`,
  \`${secretVariables.caPassphrase}\` for \`auth_service.ca_passphrase_file\`.
- Where Auth runs in the same process, proxy and Database Service join it by themselves: \`join\`,
  \`auth_server\` and \`ca_pin\` are for services that run elsewhere.
- A host that has joined keeps its identity in \`data_dir/host/\`, renews it in time, and needs no
  token any more.
- SIGTERM or SIGINT drains (\`drain_timeout\`), a second one ends the process at once.
`;

const tail = `
## Files in \`data_dir\`

| path | what |
| --- | --- |
| \`state.sqlite\` | the state of an Auth Service; one process at a time |
| \`auth.sock\` | where \`remoteler users ...\` and the like speak to Auth as its administrator |
| \`host/<role>/\` | identity, certificate and key of each role of this host |
| \`audit/YYYY-MM-DD.ndjson\` | the audit log, see [audit-log.md](audit-log.md) |
| \`audit-ca.pem\` | the certificate that \`remoteler audit verify\` trusts; keep a copy elsewhere |
| \`spool/<role>/\` | events that Auth has not acknowledged yet |
`;

/** The whole document. */
export function configMarkdown(): string {
  const rows = rowsOf(configJsonSchema(), "");
  const sections = rows.filter(({ path }) => !path.includes(".") && path !== "version");
  const drawn = sections.map((section) => {
    const inside = rows.filter(({ path }) => path.startsWith(`${section.path}.`));
    return [
      `\n## ${section.path}\n`,
      `${upperFirst(section.about)}.\n`,
      "| field | value | default | meaning |",
      "| --- | --- | --- | --- |",
      ...inside.map(drawRow),
      "",
    ].join("\n");
  });
  return head + drawn.join("") + tail;
}

interface Row {
  readonly path: string;
  readonly value: string;
  readonly byDefault: string;
  readonly about: string;
}

function rowsOf(node: unknown, path: string): readonly Row[] {
  const schema = fieldsOf(node);
  const required = listOf(schema.get("required"));
  return [...fieldsOf(schema.get("properties"))].flatMap(([name, child]) => {
    const field = fieldsOf(child);
    const at = path === "" ? name : `${path}.${name}`;
    const items = field.get("items");
    const row: Row = {
      path: at,
      value: valueOf(field),
      byDefault: defaultOf(field, required.includes(name)),
      about: String(field.get("description") ?? ""),
    };
    const inside = rowsOf(items ?? child, items === undefined ? at : `${at}[]`);
    return [row, ...inside];
  });
}

function valueOf(field: ReadonlyMap<string, unknown>): string {
  const words = listOf(field.get("enum"));
  if (words.length > 0) return words.map((word) => `\`${word}\``).join(", ");
  if (field.has("const")) return `\`${field.get("const")}\``;
  if (field.has("anyOf")) return "text or list";
  const pattern = String(field.get("pattern") ?? "");
  if (pattern.includes("(ms|s|m|h|d)")) return "duration";
  if (pattern.includes(":\\d{1,5}$")) return "host:port";
  switch (field.get("type")) {
    case "object":
      return field.has("properties") ? "section" : "mapping";
    case "array":
      return "list";
    case "integer":
    case "number":
      return "number";
    case "boolean":
      return "true, false";
    default:
      return "text";
  }
}

function defaultOf(field: ReadonlyMap<string, unknown>, isRequired: boolean): string {
  if (isRequired) return "required";
  const found = field.get("default");
  if (found === undefined || found === "" || typeof found === "object") return "";
  return `\`${found}\``;
}

function drawRow({ path, value, byDefault, about }: Row): string {
  const name = path.slice(path.indexOf(".") + 1);
  return `| \`${name}\` | ${value} | ${byDefault} | ${about.replaceAll("|", "\\|")} |`;
}

function fieldsOf(node: unknown): ReadonlyMap<string, unknown> {
  if (node instanceof Map) return new Map<string, unknown>(node);
  return new Map(typeof node === "object" && node !== null ? Object.entries(node) : []);
}

function listOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function upperFirst(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
