import { resources } from "../../api/resources.ts";
import type { Resource } from "../../api/resources.ts";
import { command, flag, readDocuments, say, text } from "../../cli/mod.ts";
import { Fault } from "../../core/fault.ts";
import { read, SchemaError } from "../../schema/mod.ts";
import { isKind } from "../names.ts";
import type { AdminPowers } from "../powers.ts";
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
    const all = readDocuments(given).map(readResource);
    if (all.length === 0) throw invalid("there is no resource in it");
    const auth = await openAuth(options, powers);
    for (const resource of all) {
      await auth.call("resources.put", { resource, replace: options.force }, powers.signal);
      say(powers.terminal, `${resource.kind}/${resource.metadata.name} is there`);
    }
    return 0;
  },
});

/** Checked here too, so that a mistake in the second document stops the first. */
function readResource(document: unknown, index: number): Resource {
  const kind = document instanceof Object && "kind" in document ? String(document.kind) : "";
  if (!isKind(kind)) {
    throw invalid(
      `document ${index + 1}: kind should be one of ${Object.keys(resources).join(", ")}`,
    );
  }
  try {
    return read(resources[kind], document, `document ${index + 1}`);
  } catch (thrown) {
    if (thrown instanceof SchemaError) throw invalid(thrown.message);
    throw thrown;
  }
}

function invalid(message: string): Fault {
  return new Fault({
    kind: "invalid",
    code: "admin.bad-resource",
    message,
    hint: "remoteler get KIND/NAME --format=yaml shows how one looks",
  });
}
