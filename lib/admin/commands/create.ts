import { command, flag, readDocuments, say, text } from "../../cli/mod.ts";
import type { AdminPowers } from "../powers.ts";
import { badResource, readResource } from "../resources.ts";
import { openAuth, siteOptions } from "../site.ts";

const inputBytesMax = 1 << 20;

export const create = command({
  name: "create",
  summary: "make resources from a YAML or JSON file, or from stdin",
  example: "create -f role.yaml --force",
  options: {
    file: text({ help: "the file; stdin where left out", short: "f", value: "FILE" }),
    force: flag({ help: "replace what is there already" }),
    ...siteOptions,
  },
  run: async (options, powers: AdminPowers) => {
    const given = options.file === null
      ? await powers.terminal.readAll(inputBytesMax)
      : await powers.files.readText(options.file);
    const all = (await readDocuments(given)).map(readResource);
    if (all.length === 0) throw badResource("there is no resource in it");
    const auth = await openAuth(options, powers);
    for (const resource of all) {
      await auth.call("resources.put", { resource, replace: options.force }, powers.signal);
      say(powers.terminal, `${resource.kind}/${resource.metadata.name} is there`);
    }
    return 0;
  },
});
