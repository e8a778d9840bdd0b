/** How sessions end. */

/** Why a session ended. */
export interface Ending {
  readonly by: "client" | "database" | "us";
  /** Whether it ended as sessions should. */
  readonly orderly: boolean;
  readonly message: string;
  /** Where we ended it by a limit. */
  readonly code?: string;
}

export const left: Ending = { by: "client", orderly: true, message: "client left" };
export const gone: Ending = { ...left, message: "the client closed its connection" };
export const vanished: Ending = {
  by: "client",
  orderly: false,
  message: "the client's connection broke",
};
export const lost: Ending = {
  by: "database",
  orderly: false,
  message: "the connection to the database was lost",
};
