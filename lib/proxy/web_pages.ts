/** The few pages of HTML that the proxy shows: no scripts, no outside resources. */

export const styleSheet = `:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{max-width:26rem;margin:12vh auto;padding:0 1.25rem}
h1{font-size:1.4rem}
label{display:block;margin-top:1rem}
input,button{font:inherit;width:100%;box-sizing:border-box;padding:.55rem .7rem;margin-top:.25rem}
button{margin-top:1.5rem;cursor:pointer}
.problem{border-left:.25rem solid #c33;padding-left:.75rem}
code{overflow-wrap:anywhere}
`;

/** Where a password is chosen. `problem` says why the last attempt didn't do. */
export function invitePage(user: string, expires: string, problem: string | null): string {
  return page(
    "Choose a password",
    `<p>for <strong>${escape(user)}</strong>. This link is good until ${escape(expires)}.</p>
${problem === null ? "" : `<p class="problem" role="alert">${escape(problem)}</p>`}
<form method="post" autocomplete="off">
<input type="text" name="username" value="${escape(user)}" autocomplete="username" hidden>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="new-password" required
 maxlength="1024" autofocus>
<label for="again">The same again</label>
<input id="again" name="again" type="password" autocomplete="new-password" required
 maxlength="1024">
<button>Set the password</button>
</form>`,
  );
}

export function donePage(user: string, proxy: string): string {
  return page(
    "The password is set",
    `<p>Log in with:</p>
<p><code>tsh login --proxy=${escape(proxy)} --user=${escape(user)}</code></p>`,
  );
}

/** For people who open the address in a browser. */
export function frontPage(cluster: string, proxy: string): string {
  return page(
    `Remoteler: ${cluster}`,
    `<p>This is the proxy of a Remoteler cluster. Log in from a terminal with:</p>
<p><code>tsh login --proxy=${escape(proxy)}</code></p>`,
  );
}

export function problemPage(title: string, words: string): string {
  return page(title, `<p class="problem" role="alert">${escape(words)}</p>`);
}

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title>
<link rel="stylesheet" href="/web/style.css">
</head>
<body>
<main>
<h1>${escape(title)}</h1>
${body}
</main>
</body>
</html>
`;
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (char) => entities[char] ?? "");
}
