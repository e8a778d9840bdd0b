/** Path functions; the lab runs on POSIX systems. */
export { dirname, join, resolve } from "node:path";
export { fileURLToPath as fromFileUrl } from "node:url";
