/** The words after which a secret stands, in patterns that the redactors share. */

/** What takes the place of a secret. */
export const mark = "***";

/** Ends of the names of things that are secret: `sslpassword`, `jwt_secret`, `api_key`. */
export const secretNames = "passw(?:or)?d(?:_?hash)?|passphrase|pwd|secret|token|" +
  "(?:api|access|private|secret|symmetric)_?key";

const secretName = new RegExp(`(?:${secretNames})$`, "i");

/** Whether a word, a column or a setting is one that holds secrets. */
export function isSecretName(word: string): boolean {
  return secretName.test(word);
}

/** In a text without any of these nothing is secret: a quick look before the long one. */
export const suspect = new RegExp(
  "passw|passphrase|pwd|identified|secret|token|[ceist]_?key|crypt|:\\/\\/|authorization|" +
    "\\s-{1,2}u",
  "i",
);

/** How far a redactor looks ahead at most; what it holds back is in proportion. */
export const lookahead = 256;
