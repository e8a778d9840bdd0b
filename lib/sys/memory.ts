/** Memory of this process in bytes. */
export function memoryUse(): { readonly residentBytes: number; readonly heapBytes: number } {
  const { rss, heapUsed } = Deno.memoryUsage();
  return { residentBytes: rss, heapBytes: heapUsed };
}
