/** Prisma, whose client is generated from a schema first; with `--all`, since it is large. */
import { fromFileUrl, join } from "../../scripts/lab/paths.ts";
import { must, npmPackages, run, which } from "../../scripts/lab/tools.ts";
import type { Driver, MissingDriver } from "./drivers.ts";

const scripts = fromFileUrl(new URL("./drivers/prisma/", import.meta.url));
const version = "7.10.0";
const packages = {
  "prisma": version,
  "@prisma/client": version,
  // What is generated stands outside of the client's folder and imports this by itself.
  "@prisma/client-runtime-utils": version,
  "@prisma/adapter-pg": version,
  "pg": "8.16.3",
};

export async function prismaDriver(): Promise<Driver | MissingDriver> {
  const name = "Prisma";
  const node = await which("node");
  if (node === null) return { name, reason: "node is not installed" };
  const home = await npmPackages("prisma", packages);
  for (const file of ["schema.prisma", "common.mjs"]) {
    await Deno.copyFile(join(scripts, file), join(home, file));
  }
  await must(node, ["node_modules/prisma/build/index.js", "generate", "--schema=schema.prisma"], {
    cwd: home,
    // It would fetch an engine that migrations need and neither this nor the client does.
    env: { PRISMA_SCHEMA_ENGINE_BINARY: "/bin/true", CHECKPOINT_DISABLE: "1" },
  });
  return { name, run: (env) => run(node, [join(home, "common.mjs")], { env: { ...env } }) };
}
