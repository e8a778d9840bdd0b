/** Version of this build; the same as in deno.json, which a test sees to. */
export const version = "0.1.0";
