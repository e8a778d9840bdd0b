/**
 * The server name (SNI) that stands for a database end to end: `<service>.db.<cluster>`. Services
 * whose names are no lower-case DNS names stand there as `x--` and the hex of their name, in labels
 * of 60 at most, so that every name has exactly one form.
 */

const label = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?";
const plainName = new RegExp(`^(?!x--)${label}(?:\\.${label})*$`);
const nameCharsMax = 253;
const escaped = "x--";
const pieceChars = 60;

/** Null where the service's name is too long to stand in a server name. */
export function serverNameOf(service: string, cluster: string): string | null {
  const name = `${labelsOf(service)}${suffixOf(cluster)}`;
  return name.length <= nameCharsMax ? name : null;
}

/** The service that a client asks for by this name; null where the name is no database's. */
export function serviceOfServerName(serverName: string | null, cluster: string): string | null {
  const name = serverName?.toLowerCase() ?? "";
  const suffix = suffixOf(cluster);
  if (!name.endsWith(suffix) || name.length > nameCharsMax) return null;
  const labels = name.slice(0, -suffix.length);
  const service = labels.startsWith(escaped) ? unescaped(labels) : labels;
  // One form for each name: what would be written otherwise is no name.
  return service !== null && labelsOf(service) === labels ? service : null;
}

function suffixOf(cluster: string): string {
  return `.db.${cluster.toLowerCase()}`;
}

function labelsOf(service: string): string {
  if (plainName.test(service)) return service;
  const hex = new TextEncoder().encode(service).toHex();
  return escaped + (hex.match(new RegExp(`.{1,${pieceChars}}`, "g")) ?? []).join(".");
}

function unescaped(labels: string): string | null {
  const hex = labels.slice(escaped.length).replaceAll(".", "");
  if (!/^(?:[0-9a-f]{2})+$/.test(hex)) return null;
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.fromHex(hex));
  } catch {
    return null;
  }
}
