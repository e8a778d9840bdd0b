import { certificatePem } from "../../ca/mod.ts";
import { choice, command, show } from "../../cli/mod.ts";
import type { AdminPowers } from "../powers.ts";
import { getOf } from "../resources.ts";
import { openAuth, siteOptions } from "../site.ts";

export const authExport = command({
  name: "auth export",
  summary: "print the certificates of an authority, for other software to trust",
  example: "auth export --type=db_client > client-ca.crt",
  options: {
    type: choice(["host", "user", "db", "db_client", "audit"], {
      help: "which authority",
      otherwise: "host",
    }),
    format: choice(["text", "json", "yaml", "pem"], {
      help: "how to print; text is PEM",
      otherwise: "text",
    }),
    ...siteOptions,
  },
  run: async (options, powers: AdminPowers) => {
    const auth = await openAuth(options, powers);
    const authority = await getOf(auth, "cert_authority", options.type, powers.signal);
    const { trusted } = authority.spec;
    const chain = certificatePem(...trusted.map((text) => Uint8Array.fromBase64(text)));
    const shown = { type: options.type, certificates: trusted };
    const format = options.format === "pem" ? "text" : options.format;
    await show(powers.terminal, format, shown, () => chain);
    return 0;
  },
});
