import { command, flag, list, print, say, text } from "../../cli/mod.ts";
import { Fault } from "../../core/fault.ts";
import type { AdminPowers } from "../powers.ts";
import { configTemplate, serviceWords } from "../template.ts";

export const configure = command({
  name: "configure",
  summary: "print a commented remoteler.yaml for the services you choose",
  example: "configure --services=auth,proxy --public-addr=db.example.com:443 > remoteler.yaml",
  options: {
    services: list({ help: "which to run: auth, proxy, db (default all three)" }),
    "cluster-name": text({ help: "name of the cluster", value: "NAME" }),
    "public-addr": text({ help: "where clients reach the proxy", value: "HOST:PORT" }),
    "data-dir": text({ help: "folder for state and keys", value: "DIR" }),
    output: text({ help: "write it to this file in place of stdout", short: "o", value: "FILE" }),
    force: flag({ help: "replace the file if it is there" }),
  },
  run: async (options, powers: AdminPowers) => {
    const services = new Set(options.services.length === 0 ? serviceWords : options.services);
    const strange = [...services].find((one) => !serviceWords.some((word) => word === one));
    if (strange !== undefined) {
      throw new Fault({
        kind: "invalid",
        code: "admin.unknown-service",
        message: "--services should be some of auth, proxy, db",
      });
    }
    const written = configTemplate({
      auth: services.has("auth"),
      proxy: services.has("proxy"),
      db: services.has("db"),
      nodename: powers.hostname(),
      clusterName: options["cluster-name"],
      publicAddress: options["public-addr"],
      dataDir: options["data-dir"],
    });
    if (options.output === null) {
      print(powers.terminal, written);
      return 0;
    }
    const replace = options.force;
    await powers.files.writeText(options.output, written, { mode: 0o600, replace });
    say(powers.terminal, `${options.output} is written; start it with:`);
    say(powers.terminal, `  remoteler start -c ${options.output}`);
    return 0;
  },
});
