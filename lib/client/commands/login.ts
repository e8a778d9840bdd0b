import { buildRequest, certificatePem, generateKey, readPem } from "../../ca/mod.ts";
import { command, duration, flag, readSecret, say, text } from "../../cli/mod.ts";
import { asFault, Fault } from "../../core/fault.ts";
import { postLogin, trustPinned } from "../cluster.ts";
import type { ClientPowers, HostPort } from "../powers.ts";
import { type Login, Profile, readProxyAddress, type Trust } from "../profile.ts";
import { orderRoute } from "../session.ts";

export const login = command({
  name: "login",
  summary: "log in with a password; the certificate is kept for this user",
  example: "login --proxy=db.example.com --user=alice",
  options: {
    proxy: text({
      help: "the cluster's public address (default: as last time)",
      value: "HOST[:PORT]",
    }),
    user: text({ help: "your name in the cluster (default: as last time)", value: "NAME" }),
    "password-stdin": flag({ help: "read the password from stdin" }),
    "ca-pin": text({
      help: "trust only the CA with this pin, as `remoteler status` prints it",
      value: "sha256:HEX",
    }),
    "ca-file": text({ help: "trust only the CAs in this PEM file", value: "FILE" }),
    insecure: flag({ help: "trust any certificate: whoever is between reads your password" }),
    ttl: duration({ help: "how long the login lasts, where your roles allow it" }),
  },
  run: async (options, powers: ClientPowers) => {
    const profile = new Profile(powers);
    const last = await profile.login(
      options.proxy === null ? null : readProxyAddress(options.proxy).text,
    );
    const proxy = options.proxy ?? last?.proxy;
    if (proxy === undefined) throw missing("proxy", "HOST");
    const user = options.user ?? last?.user;
    if (user === undefined) throw missing("user", "NAME");
    const to = readProxyAddress(proxy);
    const trust = await chooseTrust(options, to, last, powers);
    const password = await readSecret(powers.terminal, {
      prompt: `password of ${user} at ${to.text}: `,
      fromStdin: options["password-stdin"],
      flag: "--password-stdin",
    });
    const key = await generateKey();
    const answer = await postLogin(to, trust, {
      user,
      password,
      csr: (await buildRequest(key)).toBase64(),
      ...(options.ttl === null ? {} : { ttl_s: Math.ceil(options.ttl / 1000) }),
    }, powers);
    const saved: Login = {
      v: 1,
      proxy: to.text,
      cluster: answer.cluster,
      user: answer.user,
      roles: answer.roles,
      expires: answer.expires,
      trust,
      certificate: certificatePem(...answer.chain.map(bytes)),
      key: key.privatePem(),
      host_ca: certificatePem(...answer.host_cas.map(bytes)),
    };
    await profile.saveLogin(saved);
    say(
      powers.terminal,
      `logged in to ${saved.cluster} as ${saved.user} (${
        saved.roles.join(", ")
      }) until ${saved.expires}`,
    );
    await renewRoutes(profile, saved, last, powers);
    return 0;
  },
});

interface TrustChoice {
  readonly "ca-pin": string | null;
  readonly "ca-file": string | null;
  readonly insecure: boolean;
}

/** What was asked for, else what this proxy's last login went by, else the system's authorities. */
async function chooseTrust(
  options: TrustChoice,
  to: HostPort & { readonly text: string },
  last: Login | null,
  powers: ClientPowers,
): Promise<Trust> {
  const { "ca-pin": pin, "ca-file": file, insecure } = options;
  if ([pin !== null, file !== null, insecure].filter(Boolean).length > 1) {
    const message = "--ca-pin, --ca-file and --insecure exclude each other";
    throw new Fault({ kind: "invalid", code: "client.two-trusts", message });
  }
  if (pin !== null) return await trustPinned(to, pin, powers);
  if (file !== null) {
    const pem = await powers.files.readText(file);
    if (pem === null || readPem(pem, "CERTIFICATE").length === 0) {
      const message = `${file} holds no certificate in PEM`;
      throw new Fault({ kind: "invalid", code: "client.bad-ca-file", message });
    }
    return { kind: "ca", pem };
  }
  if (insecure) {
    say(powers.terminal, "tsh: warning: the proxy's certificate is not checked");
    return { kind: "none" };
  }
  const known = last !== null && last.proxy === to.text ? last.trust : null;
  return known === null || known.kind === "none" ? { kind: "system" } : known;
}

/** What `db login` had made for the same user goes on working; another user's is removed. */
async function renewRoutes(
  profile: Profile,
  login: Login,
  last: Login | null,
  powers: ClientPowers,
): Promise<void> {
  const isSame = last?.user === login.user && last.cluster === login.cluster;
  for (const { service, db_user, db_name } of await profile.routes(login)) {
    if (!isSame) {
      await profile.removeRoute(login, service);
      continue;
    }
    try {
      await orderRoute({ profile, login }, { service, user: db_user, name: db_name }, powers);
    } catch (thrown) {
      say(powers.terminal, `tsh: no new certificate for ${service}: ${asFault(thrown).shown}`);
    }
  }
}

function bytes(base64: string): Uint8Array {
  return Uint8Array.fromBase64(base64);
}

function missing(option: string, value: string): Fault {
  return new Fault({
    kind: "invalid",
    code: "client.login-options",
    message: `--${option} is needed the first time`,
    hint: `tsh login --proxy=HOST --user=NAME, with your ${value}`,
  });
}
