import { list } from "../cli/mod.ts";

/** Traits that the preset roles look at. */
export const traitOptions = {
  "db-users": list({ help: "database users they may be, for roles that look at them" }),
  "db-names": list({ help: "databases they may open, for roles that look at them" }),
} as const;

/** Only those that were given. */
export function traitsOf(options: {
  readonly "db-users": readonly string[];
  readonly "db-names": readonly string[];
}): Record<string, string[]> {
  const traits: Record<string, string[]> = {};
  if (options["db-users"].length > 0) traits["db_users"] = [...options["db-users"]];
  if (options["db-names"].length > 0) traits["db_names"] = [...options["db-names"]];
  return traits;
}

/** What is printed of an invite or reset, in machine formats as it is. */
export interface Invite {
  readonly user: string;
  readonly invite_token: string;
  /** Null where no proxy is known. */
  readonly invite_url: string | null;
  readonly expires: string;
}

export function inviteOf(
  user: string,
  made: { readonly invite_token: string; readonly expires: string },
  address: string | null,
): Invite {
  const { invite_token, expires } = made;
  const invite_url = address === null ? null : `https://${address}/web/invite/${invite_token}`;
  return { user, invite_token, invite_url, expires };
}

export function drawInvite(invite: Invite, what: string): string {
  const link = invite.invite_url ?? `https://PROXY/web/invite/${invite.invite_token}`;
  return `${invite.user} can ${what} until ${invite.expires} at\n${link}\n`;
}
