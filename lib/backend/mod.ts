/** The stores of state, a line each; what they promise is `tests/conformance/backend.ts`. */
export { memoryBackend } from "./memory/mod.ts";
export { sqliteBackend, type SqliteDatabase, type SqliteStatement } from "./sqlite/mod.ts";
export { listAll, listNews, maxCommitItems, maxPage, maxValueBytes } from "./items.ts";
export { revisionOf } from "./table_backend.ts";
