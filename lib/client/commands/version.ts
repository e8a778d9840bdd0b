import { command, formatOption, show } from "../../cli/mod.ts";
import type { ClientPowers } from "../powers.ts";

export const version = command({
  name: "version",
  summary: "show the version of this program",
  example: "version --format=json",
  options: { format: formatOption },
  run: async (options, powers: ClientPowers) => {
    const shown = { version: powers.version };
    await show(powers.terminal, options.format, shown, () => `tsh ${powers.version}`);
    return 0;
  },
});
