/** Codes of the rooms that every service is built from; see codes.ts. */
export const roomCodes = {
  "access.bad-command":
    "redis_commands of a role can't be read. Name commands (get), categories (@read) or *.",
  "access.bad-labels":
    "A role's labels can't be read. Give each label a value; \"*\" stands alone.",
  "access.bad-limit": "A limit of a role is nothing. Give at least 1, or 1s for times.",
  "access.bad-pattern":
    "A pattern of a role can't be read. Use words, * for any run, or ^re$ of the small subset.",
  "access.bad-template":
    "A template of a role can't be read. Write {{internal.NAME}} once in a value.",
  "access.bad-ttl": "A role's max_session_ttl is under a minute. Give it at least 1m.",
  "access.locked": "A lock holds for the user, role, login, service or host. Ask an administrator.",
  "access.no-database": "No role of the user gives this database. See what there is: tsh db ls.",
  "access.no-name": "No role of the user allows this database name. Choose another with --db-name.",
  "access.no-user": "No role of the user allows this database user. Choose another with --db-user.",
  "api.bad-answer":
    "Auth's answer is not understood. Check the address, and that both sides run the same version.",
  "api.bad-input":
    "A call's input does not fit what it takes. Put the fields right that are named.",
  "api.bad-json": "What should be JSON is none. Check what was sent, and to which address.",
  "api.cancelled": "The caller gave the call up. Nothing to do.",
  "api.no-certificate": "The caller of Auth showed no certificate. Log in: tsh login.",
  "api.not-allowed":
    "No role of the user has a rule for this. Ask for a role with the resource and verb named.",
  "api.unknown-call": "Auth knows no such call. Check that both sides run the same version.",
  "api.unknown-code":
    "Auth answered with a code that this version doesn't know. Read its words; update this side.",
  "api.unreachable":
    "The Auth Service can't be reached. Try again in a moment; check address and network.",
  "api.wrong-caller":
    "The certificate is of a kind that may not make this call. Use the one that the call is for.",
  "audit.append-short":
    "Auth acknowledged less than it had before. Nothing to do: the shipper tries again.",
  "audit.append-timeout":
    "Auth did not take audit events in time. Nothing to do: the shipper tries again.",
  "audit.cursor": "The cursor is not one that a search gave. Begin the search anew.",
  "audit.log-busy": "Too many events wait for the disk of the audit log. Look at Auth's disk.",
  "audit.log-closed": "The audit log is closed since Auth stops. Try again when Auth is back.",
  "audit.log-damaged":
    "The last line of the audit log is no event of it. Run remoteler audit verify, keep a copy.",
  "audit.log-unwritable": "The audit log can't be written. Make room on Auth's disk.",
  "audit.shipper-stopped": "The shipper was told to stop. Nothing to do.",
  "audit.spool-full":
    "The audit spool takes no more, so statements don't run. Make room, or let it reach Auth.",
  "audit.tail-behind":
    "A reader of the audit tail fell behind. Search from the last event on, or follow fewer.",
  "audit.time": "A time of a search is not RFC 3339. Write it like 2026-01-31T13:00:00Z.",
  "backend.bad-commit":
    "A commit is empty, too large or writes a key twice. This is a mistake of ours: report it.",
  "backend.bad-key": "A key of the store has no lawful form. This is a mistake of ours: report it.",
  "backend.bad-limit":
    "A page of the store is too small or too large. This is a mistake of ours: report it.",
  "backend.closed": "The store is closed since the process stops. Try again when Auth is back.",
  "backend.failed": "The state file can't be read or written. Look at the disk of data_dir.",
  "backend.locked":
    "Another process has the state file open. Run one Auth Service only on a data_dir.",
  "backend.too-new": "A later version wrote the state file. Start that version, or a later one.",
  "backend.value-too-large": "A resource is too large to be kept. Make it smaller.",
  "backend.watch-behind":
    "A watcher of the store fell behind. Nothing to do: it lists everything anew.",
  "ca.bad-der": "A certificate or request is no strict DER. Make it anew.",
  "ca.bad-host-name":
    "A name for a certificate is neither DNS name nor IP address. Correct the configured name.",
  "ca.bad-key": "A public or private key is of a kind that is not taken. Use ECDSA P-256 or RSA.",
  "ca.bad-lifetime": "A certificate would be over before it starts. Check the clocks.",
  "ca.bad-name": "A name in a certificate is empty, too long or malformed. Choose another name.",
  "ca.bad-pem": "A PEM text has a broken block. Copy the file again.",
  "ca.bad-pin": "A CA pin is not sha256: and 64 hexadecimal digits. Copy it from remoteler status.",
  "ca.bad-request": "A certificate request is not signed by its own key. Make it anew.",
  "ca.bad-seal": "A sealed private key is damaged. Restore data_dir from a backup.",
  "ca.expired": "The certificate has expired. Users: tsh login; services: join again.",
  "ca.generation":
    "The user or its roles changed since the certificate was made. Log in again: tsh login.",
  "ca.identity-too-large":
    "Roles and traits don't fit into a certificate. Cut down roles or traits of the user.",
  "ca.locked": "A lock holds for the certificate's user or host. Ask an administrator.",
  "ca.malformed": "The certificate is malformed or holds no identity. Log in or join again.",
  "ca.no-certificate": "No certificate was sent. Log in: tsh login, then tsh db login.",
  "ca.not-yet-valid": "The certificate is not valid yet. Check the clocks of both sides.",
  "ca.unknown-issuer":
    "The certificate is not signed by this cluster. Check which cluster you talk to; log in again.",
  "ca.wrong-cluster": "The certificate is of another cluster. Log in to this one.",
  "ca.wrong-key": "The stored key is not the CA certificate's. Restore data_dir from a backup.",
  "ca.wrong-passphrase":
    "A sealed private key does not open. Check the passphrase that the configuration names.",
  "ca.wrong-pin":
    "The server's certificate is not of the pinned CA. Check the address and the pin.",
  "ca.wrong-role":
    "The service has not the role that is needed here. Join it with a token for that role.",
  "ca.wrong-type":
    "The certificate is of another CA than is asked for here. Use the right one: tsh db config.",
  "ca.wrong-usage": "The certificate is not made for this use. Log in or join again.",
  "cli.bad-yaml": "A file is no YAML. Put the line right that is named.",
  "cli.input-too-long": "More came on stdin than is taken. Send less.",
  "cli.interrupted": "The command was interrupted. Nothing to do.",
  "cli.invalid-option": "An option's value can't be read. See the command's --help.",
  "cli.no-input": "Nothing came on stdin. Pipe the secret in, or type it.",
  "cli.no-terminal":
    "There is no terminal to ask for a secret. Give it on stdin with the option named.",
  "cli.usage": "The command line is not understood. See --help.",
  "config.invalid": "The configuration has mistakes. Put the lines right that are named.",
  "config.not-found":
    "There is no configuration file. Name one with --config: remoteler configure writes one.",
  "core.stream-closed": "A connection was closed while it was in use. Try again.",
  "core.unexpected": "A mistake of ours. Run it again with --debug and report it.",
  "identity.bad-hash":
    "A stored password hash can't be read. Reset the user: remoteler users reset.",
  "identity.busy": "Too many password checks are waiting. Try again in a few seconds.",
  "identity.locked-out": "Too many failed logins. Wait for the seconds named.",
  "identity.weak-password":
    "The password is too short or too easy. Choose a longer one, of a few unrelated words.",
  "sys.aborted": "This side closed the connection. Nothing to do.",
  "sys.argon2-gone":
    "The thread that checks passwords failed. Try again; restart Auth if it lasts.",
  "sys.bad-certificate": "Certificate and key can't be used together. Check the two files.",
  "sys.bad-http": "The other side does not speak proper HTTP. Check the address.",
  "sys.connect-timeout": "No connection in time. Check address, network and firewalls.",
  "sys.connection-lost": "The connection failed. Try again.",
  "sys.connection-refused":
    "Nobody listens at the address. Check the address, and that the service runs.",
  "sys.file": "A file can't be used. Check that it exists, its owner and its mode.",
  "sys.file-name":
    "A name in data_dir is no plain file name. This is a mistake of ours: report it.",
  "sys.http-body-too-large": "An HTTP body is too large. Send less.",
  "sys.http-done": "The request was answered. Nothing to do.",
  "sys.http-head-too-large": "An HTTP head is over 16 KiB. Send fewer or shorter fields.",
  "sys.http-idle": "An idle connection was let go. Nothing to do.",
  "sys.http-left": "The HTTP client left. Nothing to do.",
  "sys.http-reused": "An idle connection is used again. Nothing to do.",
  "sys.http-timeout": "No answer over HTTP in time. Try again; check the other side.",
  "sys.interrupted": "Ctrl-C was typed. Nothing to do.",
  "sys.listen-failed": "The address can't be listened on. Choose another port, or stop who has it.",
  "sys.no-program": "A program is not installed or not on PATH. Install it.",
  "sys.tls-handshake":
    "TLS could not be agreed on. Check certificates, names and versions of both sides.",
  "sys.tls-timeout": "TLS was not agreed on in time. Check that TLS is spoken at that address.",
  "tunnel.answered": "The agent answered a stream with a refusal of its own. Read that answer.",
  "tunnel.bad-accept":
    "The peer sent ACCEPT out of place. Check that both sides run the same version.",
  "tunnel.closed": "The tunnel is closed. Nothing to do: another tunnel is taken.",
  "tunnel.credit-overflow":
    "The peer gave more credit than there may be. Check that both sides run the same version.",
  "tunnel.credit-zero":
    "The peer gave a credit of nothing. Check that both sides run the same version.",
  "tunnel.data-after-fin":
    "The peer sent data after its end. Check that both sides run the same version.",
  "tunnel.dead":
    "The other end of the tunnel gave no sign of life. Check the network: it dials again.",
  "tunnel.draining": "The tunnel takes no new streams. Nothing to do: another tunnel is taken.",
  "tunnel.fin-twice": "The peer ended a stream twice. Check that both sides run the same version.",
  "tunnel.frame-id":
    "A tunnel frame has a stream id it can't have. Check that both sides run the same version.",
  "tunnel.frame-length":
    "A tunnel frame has a length it can't have. Check that both sides run the same version.",
  "tunnel.frame-type":
    "A tunnel frame of no known type. Check that both sides run the same version.",
  "tunnel.goaway": "The other end ended the tunnel. Read its words: an agent dials again.",
  "tunnel.hello": "HELLO came twice or not first. Check that both sides run the same version.",
  "tunnel.hello-large":
    "An agent's services don't fit into HELLO. Spread them over several agents.",
  "tunnel.lost": "The tunnel was lost. Try again: an agent dials again by itself.",
  "tunnel.malformed": "A tunnel message is malformed. Check that both sides run the same version.",
  "tunnel.reset-cancelled": "The other end has no use for the stream any more. Nothing to do.",
  "tunnel.reset-code":
    "The peer reset a stream with an unknown code. Check that both sides run the same version.",
  "tunnel.reset-ended": "The session was ended at the other end. Read its words.",
  "tunnel.reset-internal": "A mistake at the other end of a stream. Look at its log.",
  "tunnel.reset-protocol":
    "The bytes of a stream made no sense to the other end. Check the client program.",
  "tunnel.reset-refused": "The other end refuses the stream. Read its words.",
  "tunnel.reset-retry":
    "The stream can't be served there or not now. Nothing to do: another agent is tried.",
  "tunnel.stream-id":
    "The peer used a stream id again, or one of ours. Check that both sides run the same version.",
  "tunnel.streams-limit": "The tunnel has as many streams as it takes. Add another agent.",
  "tunnel.timeout": "The tunnel was not set up in time. Check the network between agent and proxy.",
  "tunnel.unknown-stream":
    "The peer named a stream that never was. Check that both sides run the same version.",
  "tunnel.unread": "The peer reads no answers. Check the network, and the other end's load.",
  "tunnel.upgrade":
    "The upgrade to a tunnel was refused. Check that the address is a proxy's public one.",
  "tunnel.websocket":
    "The WebSocket of the tunnel broke. Check what stands between agent and proxy.",
  "tunnel.window-exceeded":
    "The peer sent more than its credit. Check that both sides run the same version.",
} as const;
