// A browser that keeps cookies, follows a tenant's redirects and stops where
// the application begins; and the log-in of a person in it.
import { createHash, randomBytes } from "node:crypto";

export const callback = "https://app.example/callback";

export function browser() {
  const cookies = new Map();
  return {
    forget: () => cookies.clear(),
    async visit(url, form) {
      for (let hops = 0; hops < 20; hops++) {
        const response = await fetch(url, {
          redirect: "manual",
          method: form ? "POST" : "GET",
          body: form && new URLSearchParams(form),
          headers: { accept: "text/html", cookie: [...cookies].map(([k, v]) => `${k}=${v}`).join("; ") },
        });
        form = undefined;
        for (const line of response.headers.getSetCookie()) {
          const [, name, value] = line.match(/^([^=]+)=([^;]*)/);
          cookies.set(name, value);
        }
        const to = response.headers.get("location");
        if (!to) return { url, status: response.status, text: await response.text() };
        url = new URL(to, url).href;
        if (url.startsWith(callback)) return { url, status: response.status, text: "" };
      }
      throw new Error("the log-in goes round in circles");
    },
  };
}

// question is what an application asks of /authorize with PKCE, and the word
// that it keeps.
export function question(tenant, more = {}) {
  const verifier = randomBytes(32).toString("base64url");
  const ask = new URLSearchParams({
    client_id: tenant.client_id, response_type: "code", redirect_uri: callback, scope: "openid profile email offline_access",
    state: "state-1", code_challenge: createHash("sha256").update(verifier).digest("base64url"), code_challenge_method: "S256", ...more,
  });
  return { verifier, ask, url: `${tenant.base_url}/authorize?${ask}` };
}
