/** Names of fields at a place of a JSON Schema, in its order; none where it takes any. */
export function knownKeys(
  schema: unknown,
  path: readonly (string | number)[],
): readonly string[] {
  let node: unknown = schema;
  for (const key of path) {
    const items = member(node, "items");
    node = items === undefined ? member(member(node, "properties"), String(key)) : items;
  }
  const properties = member(node, "properties");
  return typeof properties === "object" && properties !== null ? Object.keys(properties) : [];
}

function member(node: unknown, name: string): unknown {
  if (typeof node !== "object" || node === null) return undefined;
  return new Map<string, unknown>(Object.entries(node)).get(name);
}

/** The known name that a mistyped one probably meant; null where none is near. */
export function closest(typed: string, known: readonly string[]): string | null {
  let best: string | null = null;
  let least = Math.max(2, Math.floor(typed.length / 3)) + 1;
  for (const name of known) {
    const distance = editDistance(typed.slice(0, 64), name);
    if (distance < least) [best, least] = [name, distance];
  }
  return best;
}

/** Insertions, deletions and replacements from one text to the other. */
function editDistance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row++) {
    const line = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = (above[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      line.push(Math.min(replaced, (above[column] ?? 0) + 1, (line[column - 1] ?? 0) + 1));
    }
    above = line;
  }
  return above[b.length] ?? 0;
}
