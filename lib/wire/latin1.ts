/** Each byte as the character of its number; the runtime's "latin1" decoder is Windows-1252. */
export function latin1(bytes: Uint8Array): string {
  let text = "";
  if (bytes.length <= shortBytes) {
    for (let at = 0; at < bytes.length; at++) text += String.fromCharCode(bytes[at] ?? 0);
    return text;
  }
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return text;
}

/** Up to here one by one is quicker than a call with all of them. */
const shortBytes = 64;
