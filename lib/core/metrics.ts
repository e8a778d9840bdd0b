/**
 * What a process counts, and how it is told: the text format that Prometheus reads (version
 * 0.0.4, "Exposition formats"). Counting is an addition in a map; everything else is done when
 * somebody asks.
 */

export type Labels = Readonly<Record<string, string>>;

export interface Counter {
  add(labels: Labels, amount?: number): void;
}

export interface Histogram {
  /** In the unit that the name says, seconds as a rule. */
  observe(labels: Labels, value: number): void;
}

/** A value as it is now, with the labels that tell it from others of its name. */
export type Reading = readonly [labels: Labels, value: number];

interface Family {
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  lines(name: string): readonly string[];
}

/** Series of one name; beyond, what comes new is not counted. */
const seriesMax = 2_000;

export class Metrics {
  readonly #families = new Map<string, Family>();

  /** The one of that name, made at its first use. */
  counter(name: string, help: string): Counter {
    return this.#kept(name, () => new Counts(help));
  }

  /** `bounds`: upper ends of the buckets, rising; the last one, `+Inf`, is added. */
  histogram(name: string, help: string, bounds: readonly number[]): Histogram {
    return this.#kept(name, () => new Buckets(help, bounds));
  }

  /** Asked when the metrics are; several may add to one name. */
  gauge(name: string, help: string, read: () => readonly Reading[]): void {
    this.#kept(name, () => new Gauges(help)).readers.push(read);
  }

  /** The whole page. */
  text(): string {
    const pages = [...this.#families].map(([name, family]) =>
      [`# HELP ${name} ${family.help}`, `# TYPE ${name} ${family.type}`, ...family.lines(name)]
        .join("\n")
    );
    return `${pages.join("\n")}\n`;
  }

  #kept<T extends Counts | Buckets | Gauges>(name: string, make: () => T): T {
    const fresh = make();
    const known = this.#families.get(name);
    const isSame = (one: Family | undefined): one is T => one?.constructor === fresh.constructor;
    if (isSame(known)) return known;
    this.#families.set(name, fresh);
    return fresh;
  }
}

class Counts implements Family, Counter {
  readonly type = "counter";
  readonly help: string;
  readonly #series = new Map<string, number>();

  constructor(help: string) {
    this.help = help;
  }

  add(labels: Labels, amount: number = 1): void {
    const key = written(labels);
    const known = this.#series.get(key);
    if (known === undefined && this.#series.size >= seriesMax) return;
    this.#series.set(key, (known ?? 0) + amount);
  }

  lines(name: string): readonly string[] {
    return [...this.#series].map(([labels, value]) => line(name, labels, value));
  }
}

class Gauges implements Family {
  readonly type = "gauge";
  readonly help: string;
  readonly readers: (() => readonly Reading[])[] = [];

  constructor(help: string) {
    this.help = help;
  }

  lines(name: string): readonly string[] {
    return this.readers.flatMap((read) =>
      read().map(([labels, value]) => line(name, written(labels), value))
    );
  }
}

interface Filled {
  readonly counts: number[];
  count: number;
  sum: number;
}

class Buckets implements Family, Histogram {
  readonly type = "histogram";
  readonly help: string;
  readonly #bounds: readonly number[];
  readonly #series = new Map<string, Filled>();

  constructor(help: string, bounds: readonly number[]) {
    this.help = help;
    this.#bounds = bounds;
  }

  observe(labels: Labels, value: number): void {
    const key = written(labels);
    let filled = this.#series.get(key);
    if (filled === undefined) {
      if (this.#series.size >= seriesMax) return;
      filled = { counts: this.#bounds.map(() => 0), count: 0, sum: 0 };
      this.#series.set(key, filled);
    }
    const at = this.#bounds.findIndex((bound) => value <= bound);
    if (at >= 0) filled.counts[at] = (filled.counts[at] ?? 0) + 1;
    filled.count += 1;
    filled.sum += value;
  }

  lines(name: string): readonly string[] {
    return [...this.#series].flatMap(([labels, { counts, count, sum }]) => {
      let below = 0;
      const buckets = this.#bounds.map((bound, at) => {
        below += counts[at] ?? 0;
        return line(`${name}_bucket`, joined(labels, `le="${bound}"`), below);
      });
      return [
        ...buckets,
        line(`${name}_bucket`, joined(labels, 'le="+Inf"'), count),
        line(`${name}_sum`, labels, sum),
        line(`${name}_count`, labels, count),
      ];
    });
  }
}

function line(name: string, labels: string, value: number): string {
  return `${name}${labels === "" ? "" : `{${labels}}`} ${value}`;
}

function joined(labels: string, more: string): string {
  return labels === "" ? more : `${labels},${more}`;
}

function written(labels: Labels): string {
  let text = "";
  for (const name in labels) {
    text += `${text === "" ? "" : ","}${name}="${escaped(labels[name] ?? "")}"`;
  }
  return text;
}

const special = /[\\\n"]/;

function escaped(value: string): string {
  return !special.test(value)
    ? value
    : value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}
