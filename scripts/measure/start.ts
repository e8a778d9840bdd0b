/** How long a command takes to start; `scripts/footprint` measures it, on executables. */
import type { FigureWork } from "./figure.ts";

export const start: FigureWork = {
  name: "start",
  title: "Starting",
  about: "Executables as they are shipped, warm: their files are in memory and their code is " +
    "compiled. `./scripts/footprint` measures it; the answers of proxy and Auth over loopback " +
    "are in the second.",
  figures: [
    { name: "`tsh version`", unit: "ms", bar: { atMost: 80, goal: 40 } },
    { name: "`tsh db ls`, besides the network", unit: "ms", bar: { atMost: 150 } },
  ],
  isQuick: false,
  run: null,
};
