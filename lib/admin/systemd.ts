/** The systemd units of a service; `systemd-analyze verify` and `security` judge them in tests. */

export interface UnitOptions {
  /** Absolute paths. */
  readonly executable: string;
  readonly config: string;
}

/**
 * For the system: a user of its own that exists only while it runs, an empty view of the machine
 * but its state and cache, one capability (ports below 1024). The configuration is handed in as a
 * credential, so that it can stay root's alone.
 */
export function systemUnit({ executable, config }: UnitOptions): string {
  return `[Unit]
Description=Remoteler, access to databases
Wants=network-online.target
After=network-online.target

[Service]
Type=exec
ExecStart=${quoted(executable)} start -c \${CREDENTIALS_DIRECTORY}/remoteler.yaml
LoadCredential=remoteler.yaml:${escaped(config)}
Restart=on-failure
RestartSec=2s
# Sessions may end by themselves for drain_timeout (30 s) after SIGTERM.
TimeoutStopSec=60s
LimitNOFILE=65536

DynamicUser=yes
StateDirectory=remoteler
StateDirectoryMode=0700
CacheDirectory=remoteler
CacheDirectoryMode=0700
UMask=0077

AmbientCapabilities=CAP_NET_BIND_SERVICE
CapabilityBoundingSet=CAP_NET_BIND_SERVICE
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
ProtectProc=invisible
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
PrivateDevices=yes
PrivateMounts=yes
PrivateTmp=yes
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM
# MemoryDenyWriteExecute= can't be set: the runtime compiles JavaScript to machine code.

[Install]
WantedBy=multi-user.target
`;
}

/**
 * For one person, without root: what a user's own systemd can hold to. State is where the
 * configuration says; the cache is the person's own.
 */
export function userUnit({ executable, config }: UnitOptions): string {
  return `[Unit]
Description=Remoteler, access to databases

[Service]
Type=exec
ExecStart=${quoted(executable)} start -c ${quoted(config)}
Restart=on-failure
RestartSec=2s
TimeoutStopSec=60s
UMask=0077
NoNewPrivileges=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
# MemoryDenyWriteExecute= can't be set: the runtime compiles JavaScript to machine code.

[Install]
WantedBy=default.target
`;
}

/** systemd.service(5), "Command lines": a word in quotes; % and $ stand for themselves. */
function quoted(word: string): string {
  const plain = word.replaceAll("%", "%%").replaceAll("$", "$$$$");
  return /^[\w./@:+%$-]+$/.test(plain)
    ? plain
    : `"${plain.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

function escaped(path: string): string {
  return path.replaceAll("%", "%%");
}
