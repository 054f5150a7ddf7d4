// Keeps somebody signed in, and forgets them. The access token lives in memory only, the refresh token in a cookie that
// no script reads; what survives a sign-out is the device token, which proves nothing by itself.

const DEVICE = "gatehouse.device";
const LEAVING = "gatehouse.leaving";
const PATIENCE = 5000; // milliseconds for an answer

export class Session {
  #api;
  #forget;
  #token = null;

  /** `api`: where Gatehouse is. `forget`: empties what the page shows and keeps of somebody. */
  constructor(api, forget) {
    this.#api = api;
    this.#forget = forget;
    // Another tab signed out.
    window.addEventListener("storage", (change) => change.key === LEAVING && change.newValue && this.#drop());
  }

  get signedIn() {
    return this.#token !== null;
  }

  /** `POST /login`; hand the answer of a second factor to `keep`. */
  async signIn(credentials) {
    if (!(await this.#leave())) return null;
    const device = localStorage.getItem(DEVICE);
    const known = device ? { device_token: device } : {};
    const answer = await this.call("POST", "/login", { ...credentials, ...known, cookie: true });
    return answer && this.keep(await answer.json());
  }

  keep(answer) {
    if (answer.access_token) this.#token = answer.access_token;
    if (answer.device_token) localStorage.setItem(DEVICE, answer.device_token);
    return answer;
  }

  /** After the page was loaded anew. */
  async resume() {
    if (!(await this.#leave())) return false;
    const answer = await this.call("POST", "/token/refresh");
    if (answer?.ok) this.keep(await answer.json());
    return this.signedIn;
  }

  /** The answer, or null when there is none. */
  async call(method, path, body) {
    const headers = { "X-Gatehouse-CSRF": "1" };
    if (this.#token) headers.Authorization = `Bearer ${this.#token}`;
    if (body) headers["Content-Type"] = "application/json";
    const asked = { method, headers, body: body && JSON.stringify(body), credentials: "include", cache: "no-store" };
    try {
      return await fetch(this.#api + path, { ...asked, signal: AbortSignal.timeout(PATIENCE) });
    } catch {
      return null;
    }
  }

  /** Forgets first, and tells the service then. False: it could not be reached, and is told before anybody signs in. */
  async signOut() {
    localStorage.setItem(LEAVING, "1");
    this.#drop();
    return this.#leave();
  }

  #drop() {
    this.#token = null;
    sessionStorage.clear();
    this.#forget();
  }

  /** No script can remove the cookie: until the service did, nobody is signed in with it. */
  async #leave() {
    if (localStorage.getItem(LEAVING) === null) return true;
    const answer = await this.call("POST", "/logout");
    if (answer?.ok) localStorage.removeItem(LEAVING);
    return Boolean(answer?.ok);
  }
}
