/** Looks for a text in all that a process has in its memory (Linux). */

const chunkBytes = 4 << 20;

/** Null where this user may not read it. */
export async function holds(pid: number, text: string): Promise<boolean | null> {
  const wanted = new TextEncoder().encode(text);
  let memory: Deno.FsFile;
  let regions: readonly Region[];
  try {
    regions = readRegions(await Deno.readTextFile(`/proc/${pid}/smaps`));
    memory = await Deno.open(`/proc/${pid}/mem`);
  } catch {
    return null;
  }
  try {
    for (const region of regions) if (await inRegion(memory, region, wanted)) return true;
    return false;
  } finally {
    memory.close();
  }
}

interface Region {
  readonly from: number;
  readonly to: number;
}

/** Those that can be written and have pages. */
function readRegions(smaps: string): readonly Region[] {
  const found: Region[] = [];
  for (const block of smaps.split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)) {
    const head = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(block);
    const resident = Number(/^Rss:\s+(\d+) kB/m.exec(block)?.[1] ?? 0);
    if (head === null || resident === 0) continue;
    found.push({ from: parseInt(head[1] ?? "", 16), to: parseInt(head[2] ?? "", 16) });
  }
  return found;
}

async function inRegion(
  memory: Deno.FsFile,
  { from, to }: Region,
  wanted: Uint8Array,
): Promise<boolean> {
  const chunk = new Uint8Array(chunkBytes + wanted.length);
  for (let at = from; at < to; at += chunkBytes) {
    await memory.seek(BigInt(at), Deno.SeekMode.Start);
    const size = Math.min(chunk.length, to - at);
    const read = await memory.read(chunk.subarray(0, size)).catch(() => null);
    if (read !== null && includes(chunk.subarray(0, read), wanted)) return true;
  }
  return false;
}

function includes(bytes: Uint8Array, wanted: Uint8Array): boolean {
  const first = wanted[0] ?? 0;
  for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
    let i = 1;
    while (i < wanted.length && bytes[at + i] === wanted[i]) i += 1;
    if (i === wanted.length) return true;
  }
  return false;
}
