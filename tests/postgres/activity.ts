/** What the server does at this moment, as `pg_stat_activity` has it. */
import { waitFor } from "../../scripts/lab/tools.ts";
import { type Env, RawClient } from "./raw_client.ts";

/**
 * Waits until a session of this user sleeps in `pg_sleep`: only then has a statement that
 * is to be cancelled really begun.
 */
export async function untilSleeping(env: Env): Promise<void> {
  const watcher = await RawClient.login(env);
  try {
    await waitFor("the statement sleeps", 15_000, async () => {
      const [[count] = []] = await watcher.query(
        "select count(*) from pg_stat_activity where wait_event = 'PgSleep'",
      );
      return Number(count) > 0;
    });
  } finally {
    watcher.close();
  }
}
