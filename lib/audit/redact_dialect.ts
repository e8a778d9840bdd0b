/** What of the languages of databases matters to who looks for secrets in their statements. */
import { lookahead, secretNames } from "./secret_words.ts";

/** By the name of the protocol; all others are read as PostgreSQL's. */
export type DialectName = "mysql" | "postgres";

export interface Dialect {
  readonly name: DialectName;
  /** A word after which a secret may follow, and no part of one. */
  readonly tellingHere: RegExp;
  readonly tellingWords: ReadonlySet<string>;
  /** Where a word of `tellingHere` may be, or a secret within a literal begin. */
  readonly suspects: RegExp;
  readonly tokens: RegExp;
  /** By its code, whether a character needs a closer look: 1. */
  readonly special: Uint8Array;
  /** Quote of names. */
  readonly nameQuote: '"' | "`";
  /** Functions whose argument is a secret. */
  readonly takers: readonly string[];
}

const letter = "[\\w\\u0080-\\uffff]";
const inLiterals = ":\\/\\/|authorization|\\s-u|\\s--user";
// Alternatives start with different characters and none nests a repetition: linear.
const words = [`${letter}{1,${lookahead}}`, `\\s{1,${lookahead}}`, "[:=][=>]", "[^]"];

const postgres: Dialect = {
  name: "postgres",
  ...telling("set|set_config|identified|crypt"),
  suspects: new RegExp(
    `${secretNames}|(?<!${letter})set(?!${letter})|identified|crypt|set_config|${inLiterals}`,
    "gi",
  ),
  tokens: new RegExp(
    [
      "--",
      "\\/\\*",
      "[eE]?'",
      '"',
      "\\$(?:[A-Za-z_\\u0080-\\uffff][\\w\\u0080-\\uffff]{0,126})?\\$",
      "\\$\\d{1,5}",
      ...words,
    ].join("|"),
    "y",
  ),
  special: marked("'\"$-/"),
  nameQuote: '"',
  takers: ["crypt"],
};

const mysql: Dialect = {
  name: "mysql",
  ...telling("set|identified|slave|replica|group_replication|master_password|source_password"),
  suspects: new RegExp(
    `(?:master|source)_password|${secretNames}|(?<!${letter})set(?!${letter})|identified|slave|` +
      `replica|${inLiterals}`,
    "gi",
  ),
  // What stands in `/*! ... */` is run.
  tokens: new RegExp(
    ["--(?=\\s|$)", "#", "\\/\\*M?!\\d{0,6}", "\\/\\*", "'", '"', "`", ...words].join("|"),
    "y",
  ),
  special: marked("'\"`-/#?"),
  nameQuote: "`",
  takers: ["password", "old_password"],
};

function marked(characters: string): Uint8Array {
  const table = new Uint8Array(128);
  for (const character of characters) table[character.charCodeAt(0)] = 1;
  return table;
}

function telling(list: string): Pick<Dialect, "tellingHere" | "tellingWords"> {
  const alone = `(?<!${letter})(?:${list})(?!${letter})`;
  return {
    tellingHere: new RegExp(`${alone}|(?:${secretNames})(?!${letter})`, "iy"),
    tellingWords: new Set(list.split("|")),
  };
}

/** The dialect of that protocol's statements. */
export function dialectOf(protocol: string | undefined): Dialect {
  return protocol === "mysql" ? mysql : postgres;
}
