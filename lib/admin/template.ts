/** A `remoteler.yaml` to begin with; a test reads it back as a configuration. */

export const serviceWords = ["auth", "proxy", "db"] as const;

export interface TemplateOptions {
  readonly auth: boolean;
  readonly proxy: boolean;
  readonly db: boolean;
  readonly nodename: string;
  readonly clusterName: string | null;
  readonly publicAddress: string | null;
  readonly dataDir: string | null;
}

/**
 * Commented YAML that `remoteler start` takes as it is, once the places in capitals are filled in.
 */
export function configTemplate(options: TemplateOptions): string {
  return [
    "# Every field is in docs/configuration.md; durations are written 30s, 15m, 12h.",
    "version: v1",
    "",
    ...process(options),
    ...(options.auth ? auth(options) : []),
    ...(options.proxy ? proxy(options) : []),
    ...(options.db ? database() : []),
    "",
  ].join("\n");
}

function process(options: TemplateOptions): readonly string[] {
  return [
    "remoteler:",
    "  # Name of this machine in lists.",
    `  nodename: ${JSON.stringify(options.nodename)}`,
    "  # State, keys, spools and the local socket; made with mode 0700.",
    `  data_dir: ${JSON.stringify(options.dataDir ?? "/var/lib/remoteler")}`,
    ...(options.auth ? [] : joining(options)),
    "  log: {level: info, format: json}",
  ];
}

function joining(options: TemplateOptions): readonly string[] {
  const join = options.proxy
    ? ["  # The Auth Service to join.", "  auth_server: AUTH.EXAMPLE.COM:3025"]
    : [
      "  # A proxy, which carries the calls to Auth unread.",
      "  proxy_server: PROXY.EXAMPLE.COM:443",
    ];
  return [
    ...join,
    "  # On Auth's host: remoteler tokens add --type=" + (options.proxy ? "proxy" : "db"),
    "  join: {method: token, token_file: /etc/remoteler/token}",
    "  # The same command prints it; checked before the token is sent.",
    `  ca_pin: sha256:${"0".repeat(64)}`,
  ];
}

function auth(options: TemplateOptions): readonly string[] {
  return [
    "",
    "auth_service:",
    "  # Where other services reach it. This one is for services on the same machine only.",
    "  listen_addr: 127.0.0.1:3025",
    "  # In every certificate; can't be changed later.",
    `  cluster_name: ${JSON.stringify(options.clusterName ?? "remoteler")}`,
    "  # Encrypts the CA keys at rest.",
    "  # ca_passphrase_file: /etc/remoteler/ca-passphrase",
    "  # Signed checkpoints of the audit log.",
    "  audit: {checkpoint_period: 5m}",
  ];
}

function proxy(options: TemplateOptions): readonly string[] {
  const address = options.publicAddress ?? `${options.nodename}:3080`;
  return [
    "",
    "proxy_service:",
    "  # The one public port; 443 in production.",
    "  web_listen_addr: 0.0.0.0:3080",
    "  # How clients and agents reach it.",
    `  public_addr: ${JSON.stringify(address)}`,
    "  # A certificate that browsers know; without it tsh needs --ca-pin.",
    "  # https_keypairs: [{cert_file: /etc/remoteler/web.crt, key_file: /etc/remoteler/web.key}]",
  ];
}

function database(): readonly string[] {
  return [
    "",
    "db_service:",
    "  databases: []",
    "  # databases:",
    "  #   - name: orders",
    "  #     protocol: postgres",
    "  #     uri: orders.internal:5432",
    "  #     labels: {env: prod}",
    "  #     tls: {mode: verify-full, ca_cert_file: /etc/remoteler/orders-ca.pem}",
  ];
}
