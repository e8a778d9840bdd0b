import type { Resource } from "../../api/resources.ts";
import { certificatePem } from "../../ca/mod.ts";
import { choice, command, print, render, required, showList } from "../../cli/mod.ts";
import { Fault } from "../../core/fault.ts";
import { readRef } from "../names.ts";
import type { AdminPowers } from "../powers.ts";
import { openAuth, siteOptions } from "../site.ts";

export const get = command({
  name: "get",
  summary: "show a resource, or all of a kind",
  example: "get role/access --format=yaml",
  arguments: { resource: required("KIND or KIND/NAME") },
  options: {
    ...siteOptions,
    format: choice(["text", "json", "yaml", "pem"], {
      help: "how to print; pem is for certificate authorities",
      otherwise: "text",
    }),
  },
  run: async (options, powers: AdminPowers) => {
    const { kind, name } = readRef(options.resource);
    const { format } = options;
    const auth = await openAuth(options, powers);
    if (name !== null) {
      const { resource } = await auth.call("resources.get", { kind, name }, powers.signal);
      if (format === "pem") print(powers.terminal, trustedPem([resource]));
      else {print(
          powers.terminal,
          await render(format === "text" ? "yaml" : format, resource, () => ""),
        );}
      return 0;
    }
    const { resources } = await auth.call("resources.list", { kind }, powers.signal);
    if (format === "pem") {
      print(powers.terminal, trustedPem(resources));
      return 0;
    }
    await showList(powers.terminal, format, resources, [
      { title: "KIND", cell: (one: Resource) => one.kind },
      { title: "NAME", cell: (one) => one.metadata.name },
      { title: "LABELS", cell: (one) => drawLabels(one.metadata.labels) },
      { title: "EXPIRES", cell: (one) => one.metadata.expires ?? "" },
    ], `there is no ${kind}`);
    return 0;
  },
});

/** The certificates that authorities say are to be trusted, as other software takes them. */
function trustedPem(all: readonly Resource[]): string {
  const ders = all.flatMap((one) => one.kind === "cert_authority" ? one.spec.trusted : []);
  if (ders.length > 0) return certificatePem(...ders.map((text) => Uint8Array.fromBase64(text)));
  throw new Fault({
    kind: "invalid",
    code: "admin.no-certificate",
    message: "only certificate authorities can be printed as PEM",
    hint: "for example remoteler get cert_authority/db_client --format=pem",
  });
}

function drawLabels(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels).map(([key, value]) => `${key}=${value}`).join(" ");
}
