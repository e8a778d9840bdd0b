// What both Node scripts share: where to connect, and how results are printed.
import { readFileSync } from "node:fs";

const { env } = process;
export const host = env.REDIS_HOST;
export const port = Number(env.REDIS_PORT);
export const username = env.REDIS_USER;
export const password = env.REDIS_PASSWORD;
export const tls = {
  ca: readFileSync(env.REDIS_CA),
  cert: readFileSync(env.REDIS_CERT),
  key: readFileSync(env.REDIS_KEY),
};
export const value64 = Buffer.alloc(64 * 1024 * 1024, "0123456789abcdef-");

const shown = (key, value) => {
  if (value instanceof Map) return [...value].sort();
  if (value instanceof Set) return [...value].sort();
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (typeof value === "bigint") return `${value}n`;
  return value;
};

export function say(what, value) {
  console.log(`${what}: ${JSON.stringify(value, shown)}`);
}

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));
