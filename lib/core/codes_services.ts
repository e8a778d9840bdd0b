/** Codes of the services and their commands; see codes.ts. */
export const serviceCodes = {
  "access.no-role": "The user has no role. Ask an administrator.",
  "admin.audit-broken":
    "The audit log does not hold. Keep the files as they are, compare with another copy.",
  "admin.bad-path": "A path for a unit is missing or not absolute. Give --executable and -c.",
  "admin.bad-resource":
    "The file holds no resource that can be read. See remoteler get KIND/NAME --format=yaml.",
  "admin.bad-time": "A time is neither RFC 3339 nor a duration. Write 2026-01-31T13:00:00Z or 2h.",
  "admin.bad-names": "auth sign needs the names that agents connect to. Give --host=NAME[,NAME].",
  "admin.bad-type": "A token's type or services can't be read. Write --type=db --services='*'.",
  "admin.editor-failed": "The editor ended with an error. Set EDITOR to one that works.",
  "admin.no-auth":
    "No Auth Service listens in data_dir. Run it on Auth's host, as its user, while it runs.",
  "admin.no-certificate":
    "Only certificate authorities can be printed as PEM. Name one, as cert_authority/user.",
  "admin.no-db-user": "A database test names where to log in and not as whom. Give --db-user.",
  "admin.no-name": "A resource was named without KIND or NAME. Write KIND/NAME.",
  "admin.no-roles": "A user needs at least one role. Give --roles.",
  "admin.no-target": "Nothing to lock was named. Name a user, role, login, service or host.",
  "admin.nothing-to-do": "Nothing to change was named. Give what should change, as --roles.",
  "admin.other-resource":
    "The draft is of another kind or name. Leave both; remoteler create makes new ones.",
  "admin.other-kind":
    "Auth answered with another kind of resource. Check that both sides run the same version.",
  "admin.unknown-kind": "There is no such kind of resource. Choose one of the kinds listed.",
  "admin.unknown-service":
    "--services names something else than auth, proxy, db. Choose among these.",
  "auth.asker-changed":
    "The user that asked for a database test changed meanwhile. Log in again and repeat it.",
  "auth.authority-contended": "A certificate authority is being changed all the time. Try again.",
  "auth.authority-damaged":
    "A stored certificate authority can't be read. Restore data_dir from a backup.",
  "auth.authority-sealed":
    "A CA key is encrypted and no passphrase is configured. Name the passphrase file.",
  "auth.bad-link":
    "An invite or reset link is unknown, expired or used. Ask an administrator for a new one.",
  "auth.bad-lock-target": "What a lock names can't be read. Correct the field named.",
  "auth.bad-login": "Wrong user name or password. Try again, or ask for a reset link.",
  "auth.bad-token": "A join token is unknown, expired or used up. Make one: remoteler tokens add.",
  "auth.bad-token-services":
    "A token's services can't be read. Use names with *, or label:KEY=VALUE.",
  "auth.bad-token-ttl": "A token lives from 1 second to 30 days. Choose another --ttl.",
  "auth.bad-token-uses": "A token without uses is no use. Give at least one.",
  "auth.changed":
    "Somebody else changed the resource meanwhile. Get it again and repeat the change.",
  "auth.contended": "Something is being changed all the time. Try again.",
  "auth.database-twice": "A heartbeat lists a database twice. Correct db_service.databases.",
  "auth.exists": "There is one of that name already. Choose another name, or update it.",
  "auth.expired": "A resource would have expired before it is there. Give a later time.",
  "auth.host-removed": "The host was removed from the cluster. Join again with a new token.",
  "auth.lock-without-target":
    "A lock says nothing that it locks. Name a user, role, login, service or host.",
  "auth.locked": "A lock holds for the user. Ask an administrator.",
  "auth.may-not-serve":
    "The agent's certificate does not allow it to serve this. Join with a token that names it.",
  "auth.no-host": "Only a service may make this call. Use a service's certificate.",
  "auth.no-principals":
    "Only a proxy's certificate has names that clients check. Join without names.",
  "auth.no-trial": "The database test is over, or its login was used. Ask again.",
  "auth.no-user": "Only a person may make this call. Log in: tsh login.",
  "auth.not-by-hand": "This kind of resource is not written by hand. Use the command named.",
  "auth.not-found": "There is no such resource. List what there is: remoteler get KIND.",
  "auth.not-served":
    "The agent does not serve this database. Check its configuration and its heartbeat.",
  "auth.not-watchable":
    "This kind of resource is not to be watched. Check that both sides run the same version.",
  "auth.other-route": "The user's certificate is for another database. Get one: tsh db login.",
  "auth.role-gone":
    "A role of the user does not exist any more. Ask an administrator to correct the roles.",
  "auth.role-in-use": "A role is still held by users. Take it from them first.",
  "auth.route-certificate":
    "A certificate for one database was used for more. Use the one of tsh login.",
  "auth.token-role":
    "The join token is for another kind of service. Make one with the right --type.",
  "auth.token-without-services":
    "A token for a Database Service names no services. Give --services.",
  "auth.too-many-tests": "Too many database tests within a minute. Try again in a minute.",
  "auth.too-many-roles": "A user has 100 roles at most. Give fewer.",
  "auth.unknown-role": "There is no such role. List them: remoteler roles ls.",
  "auth.wrong-cluster":
    "data_dir is of another cluster than the configuration says. Use another data_dir.",
  "client.bad-ca-file": "The file of --ca-file holds no certificate. Name a PEM file.",
  "client.bad-profile": "A file of the login can't be understood. tsh logout, then tsh login.",
  "client.bad-proxy": "--proxy is not host or host:port. Write it so.",
  "client.bad-service": "A value can't stand in a service file. Choose another name.",
  "client.bad-statement": "A statement holds a NUL character. Take it out.",
  "client.login-expired": "The login has expired. Log in again: tsh login.",
  "client.login-options": "The first login needs --proxy and --user. Give both.",
  "client.no-account": "The roles allow several accounts. Name one: --db-user, --db-name.",
  "client.no-agent":
    "No Database Service takes the session end to end. See tsh db ls; try again in a moment.",
  "client.no-database": "There is no such database for your roles. See tsh db ls.",
  "client.no-databases": "No database is chosen. Name some, or give --labels or --search.",
  "client.no-home": "There is no HOME to keep the login in. Set TSH_HOME.",
  "client.no-program": "The native client is not installed. Install it, or see tsh db config.",
  "client.no-route": "There is no certificate for this database. Get one: tsh db login.",
  "client.no-server-name": "The database's name is too long for end to end. Give it a shorter one.",
  "client.no-shell": "The built-in shell does not speak this protocol. Use a program for it.",
  "client.not-a-proxy": "The address does not answer like a proxy. Check --proxy.",
  "client.not-confirmed": "Nothing was run. Say yes, name the databases, or give --no-confirm.",
  "client.not-logged-in": "You are not logged in. tsh login --proxy=HOST --user=NAME.",
  "client.not-postgres":
    "A program does not speak PostgreSQL's protocol. Use a client for PostgreSQL.",
  "client.port-taken": "The local port is taken. Choose one with --port.",
  "client.route-expired":
    "The certificate for this database has expired. Get another: tsh db login.",
  "client.service-taken":
    "The service file has a section of that name of yours. Rename it, or set PGSERVICEFILE.",
  "client.sql-lost": "The connection to the database was lost. Connect again.",
  "client.sql-protocol":
    "The answer is not PostgreSQL's protocol. Check --proxy and the versions of both sides.",
  "client.sql-refused": "The database or the way to it refused. Do what the hint says.",
  "client.sql-too-much": "The answer is too large to be held here. Use LIMIT, or psql.",
  "client.too-slow": "A program connected and said nothing. Nothing to do.",
  "client.two-trusts":
    "Two ways of trusting the proxy were given. Give one of --ca-pin, --ca-file, --insecure.",
  "client.unknown-protocol": "This tsh does not know the database's protocol. Get a newer tsh.",
  "client.unreachable": "The proxy can't be reached. Check --proxy and your network.",
  "client.untrusted":
    "The proxy's certificate is not trusted. Check --proxy; trying out: --ca-pin.",
  "client.wrong-agent":
    "What answers end to end is not the database's own service. Look for what stands between.",
  "db.bad-address": "A proxy's address is not host:port. Correct public_addr of the proxy.",
  "db.bad-target": "A database is configured in a way that can't work. Correct the field named.",
  "db.bytes-max": "The session moved as many bytes as the roles allow. Ask for less.",
  "db.certificate-ended":
    "The certificate ended, and the roles end sessions with it. Log in again: tsh login.",
  "db.clear-password":
    "The database wants the password in clear, its TLS is unverified. Set tls.mode, or use SCRAM.",
  "db.early-bytes": "Plain bytes came where TLS has to begin. Check what stands between.",
  "db.end-to-end-required":
    "A role wants TLS that ends at the Database Service. Connect by tsh with --end-to-end.",
  "db.ended-early": "The connection ended during its handshake. Look at the database's log.",
  "db.frame-size":
    "A handshake message is empty or too large. Check that a database listens there.",
  "db.generation":
    "The user or its roles changed since the certificate was made. Log in again: tsh login.",
  "db.idle": "The session was idle for as long as the roles allow. Connect again.",
  "db.locked": "A lock holds for the user, role, service or host. Ask an administrator.",
  "db.locks-stale": "Locks can't be checked and a role asks for that. Try again when Auth is back.",
  "db.no-cancel-key": "The database gave no key to cancel with. End the session instead.",
  "db.no-longer": "The user's roles do not allow the session any more. Ask for a role.",
  "db.no-password":
    "The database asks for a password and none is configured. Set credentials.type: secret.",
  "db.no-replication":
    "The roles allow no replication from the database. Ask for the role option allow_replication.",
  "db.no-route": "The client certificate is not for a database. tsh db login, connect as it says.",
  "db.not-here":
    "A handshake asks for something there is none of here. This is a mistake of ours: report it.",
  "db.not-recorded": "Nothing can be recorded, so nothing runs. Make room for the audit spool.",
  "db.other-account":
    "The stored password is of another database user. tsh db login with that --db-user.",
  "db.route-differs":
    "The connection asks for another user or database than its certificate. tsh db login anew.",
  "db.rows-max": "The session fetched as many rows as the roles allow. Use WHERE or LIMIT.",
  "db.session-ttl": "The session lasted as long as the roles allow. Connect again.",
  "db.sessions-max": "The agent has as many sessions as it takes. Try again, or add an agent.",
  "db.statement-timeout":
    "A statement ran longer than the roles allow. Make it smaller, or ask for another role.",
  "db.statements-rate": "More statements in a minute than the roles allow. Wait a minute.",
  "db.tls": "No TLS with the database. Check its certificate and tls.ca_cert_file.",
  "db.spread":
    "A server of the database's cluster was lost that the session can't do without, or broke the " +
    "protocol. Connect again; check the health of the cluster's nodes.",
  "db.too-slow": "The database did not answer in time. Check its load and the network.",
  "db.unreachable": "The database can't be reached. Check that it runs, its uri, and firewalls.",
  "db.untrusted":
    "The database's certificate is not as expected. Check tls.ca_cert_file and tls.server_name.",
  "db.user-sessions-max":
    "The user has as many sessions on this agent as the roles allow. Close one of them.",
  "db.wrong-server-name":
    "TLS was brought to another service than the client asked for. Look at the proxy's version.",
  "db.wrong-protocol":
    "The certificate is for a database of another protocol. Use a client for that protocol.",
  "proxy.agent-timeout": "An agent gave no answer in time. Nothing to do: the next agent is tried.",
  "proxy.bad-greeting":
    "A client answered its greeting with something else. Nothing to do: it is no such client.",
  "proxy.cancel-timeout": "A client did not finish its cancel request. Nothing to do.",
  "proxy.client-gone": "The client left before its session began. Nothing to do.",
  "proxy.goodbye": "The client did not close after a refusal. Nothing to do.",
  "proxy.handshake-timeout":
    "The client did not finish its handshake in time. Check what stands between.",
  "proxy.no-agent":
    "No connected Database Service serves the database. See tsh db ls, start the agent.",
  "proxy.no-certificate-file": "The certificate file is missing or empty. Correct proxy_service.",
  "proxy.no-page": "There is nothing at this web address. Check the address.",
  "proxy.no-route":
    "The client certificate is not for a database. tsh db login, connect as it says.",
  "proxy.no-tls": "A client asked for a session without TLS. Set sslmode=verify-full.",
  "proxy.other-origin": "A web request comes from another site. Open the page itself.",
  "proxy.passwords-differ": "The two passwords are not the same. Type them again.",
  "proxy.plaintext-before-tls":
    "Plain bytes came where TLS has to begin. Check what stands between.",
  "proxy.stopped": "The proxy is shutting down. Connect again.",
  "proxy.too-many-logins": "Too many attempts from one address. Wait for the seconds named.",
  "proxy.wrong-host":
    "An agent's HELLO names another host than its certificate. Join the agent again.",
  "proxy.wrong-protocol":
    "The client speaks another protocol than the database. Use a client for that protocol.",
  "proxy.wrong-type": "A web request has a body of another type. Send the type named.",
  "service.file-exists": "The file is there already. Name another, or use --force.",
  "service.no-audit-ca":
    "The file of the audit CA holds no certificate. Get it: remoteler get cert_authority/audit.",
  "service.no-audit-files": "There is no such folder of audit files. Name it with --dir.",
  "service.no-auth-address": "Nothing says where Auth is. Set auth_server or proxy_server.",
  "service.no-database-ca": "tls.ca_cert_file of a database does not exist. Correct the path.",
  "service.no-database-password":
    "The password of a database can't be read. Correct credentials.password_file or _env.",
  "service.no-file": "There is no such file. Check the path.",
  "service.no-pin": "No ca_pin is configured to know Auth by. Copy it from remoteler status.",
  "service.no-token":
    "The service has not joined and there is no token. remoteler tokens add, then join.token_file.",
  "service.stop-timeout": "A part of the process did not stop in time. Look at the log.",
  "service.stopping": "The process is stopping. Nothing to do.",
} as const;
