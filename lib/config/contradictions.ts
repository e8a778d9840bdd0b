/**
 * What no single field can say: fields that exclude, need or repeat each other. Works on the file
 * as it was written, so that these mistakes are told together with those of the shape.
 */
import type { Mistake, Path } from "./load.ts";

/** Everything in a file that contradicts something else in it. */
export function contradictions(input: unknown): readonly Mistake[] {
  return [...services(input), ...joining(input), ...databases(input), ...storage(input)];
}

function services(input: unknown): readonly Mistake[] {
  if (sections.some((section) => runs(input, section))) return [];
  return [mistake([], `should run at least one of ${sections.join(", ")}`)];
}

const sections = ["auth_service", "proxy_service", "db_service"] as const;

function joining(input: unknown): readonly Mistake[] {
  const at = (name: string): Path => ["remoteler", name];
  const has = (...path: Path): boolean => get(input, path) !== undefined;
  const wrong: Mistake[] = [];
  if (has("remoteler", "auth_server") && has("remoteler", "proxy_server")) {
    wrong.push(mistake(at("proxy_server"), "should not be there beside auth_server"));
  }
  if (has("remoteler", "join", "token") && has("remoteler", "join", "token_file")) {
    wrong.push(mistake([...at("join"), "token_file"], "should not be there beside token"));
  }
  const local = runs(input, "auth_service");
  if (local || !(runs(input, "proxy_service") || runs(input, "db_service"))) return wrong;
  if (!has("remoteler", "auth_server") && !has("remoteler", "proxy_server")) {
    wrong.push(mistake(["remoteler"], "needs auth_server or proxy_server: Auth doesn't run here"));
  }
  if (!has("remoteler", "ca_pin")) {
    wrong.push(mistake(["remoteler"], "needs ca_pin: `remoteler status` on Auth's host shows it"));
  }
  if (runs(input, "proxy_service") && has("remoteler", "proxy_server")) {
    wrong.push(mistake(at("proxy_server"), "a proxy joins by auth_server, not through a proxy"));
  }
  return wrong;
}

function databases(input: unknown): readonly Mistake[] {
  const list = get(input, ["db_service", "databases"]);
  if (!Array.isArray(list)) return [];
  const seen = new Set<unknown>();
  const wrong: Mistake[] = [];
  list.forEach((database: unknown, index) => {
    const path = ["db_service", "databases", index];
    const name = get(database, ["name"]);
    if (name !== undefined && seen.has(name)) {
      wrong.push(mistake([...path, "name"], "should be a name that no other database has"));
    }
    seen.add(name);
    const mode = get(database, ["tls", "mode"]);
    if (mode === "insecure" && get(database, ["tls", "ca_cert_file"]) !== undefined) {
      wrong.push(
        mistake([...path, "tls", "ca_cert_file"], "is never read with mode insecure"),
      );
    }
    wrong.push(...credentials(database, [...path, "credentials"]));
  });
  return wrong;
}

function credentials(database: unknown, path: Path): readonly Mistake[] {
  const has = (name: string): boolean => get(database, ["credentials", name]) !== undefined;
  const given = ["user", "password_file", "password_env"].filter(has);
  if (get(database, ["credentials", "type"]) !== "secret") {
    return given.map((name) => mistake([...path, name], "is read with type secret only"));
  }
  return has("password_file") === has("password_env")
    ? [mistake(path, "should have either password_file or password_env")]
    : [];
}

function storage(input: unknown): readonly Mistake[] {
  const path: Path = ["remoteler", "storage", "path"];
  const inMemory = get(input, ["remoteler", "storage", "type"]) === "memory";
  return inMemory && get(input, path) !== undefined
    ? [mistake(path, "is never used with type memory")]
    : [];
}

/** A section that is there runs, unless it says otherwise; an empty one counts. */
function runs(input: unknown, section: string): boolean {
  return get(input, [section]) !== undefined && get(input, [section, "enabled"]) !== false;
}

function get(input: unknown, path: Path): unknown {
  let value = input;
  for (const key of path) {
    if (typeof value !== "object" || value === null) return undefined;
    value = new Map<string, unknown>(Object.entries(value)).get(String(key));
  }
  return value;
}

function mistake(path: Path, expected: string): Mistake {
  return { path, expected };
}
