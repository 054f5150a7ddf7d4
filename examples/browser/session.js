// Keeps somebody signed in, and forgets them. The access token lives in memory only, the refresh token in a cookie that
// no script reads; what survives a sign-out is the device token, which proves nothing by itself.

const DEVICE = "gatehouse.device";
const LEAVING = "gatehouse.leaving";
const PATIENCE = 5000; // milliseconds for an answer

export class Session {
  #api;
  #forget;
  #token = null;
  #pending = null; // of a sign-in that is not complete
  #turn = 0; // what was asked in an earlier one is answered to nobody
  #refreshing = null;

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

  /** `POST /login`, and what it answered; null: nothing that can be read, or somebody signed out meanwhile. */
  async signIn(credentials) {
    if (!(await this.#leave())) return null;
    this.#turn += 1;
    const device = localStorage.getItem(DEVICE);
    const known = device ? { device_token: device } : {};
    return this.prove("/login", { ...credentials, ...known, cookie: true });
  }

  /** As `signIn`, for `/verify-otp` with `{code, factor}`, `/me/factors/{id}/confirm`, `/step-up`: keeps the tokens. */
  async prove(path, proof) {
    const turn = this.#turn;
    const answer = await this.call("POST", path, proof);
    const told = await read(answer);
    if (turn === this.#turn) return told && this.#keep(told);
    // Nobody waits for this session any more. The cookie may be somebody else's by now.
    if (told?.access_token) await this.#ask("POST", "/logout", { token: told.access_token, credentials: "omit" });
    return null;
  }

  /** After the page was loaded anew: whether somebody is signed in; null: the service did not say, so ask it again. */
  async resume() {
    if (!(await this.#leave())) return false;
    const fresh = await this.#refresh();
    return this.signedIn || (fresh === null ? null : false);
  }

  /** The answer, or null when there is none. Until a sign-in is complete it is asked with that one's token. */
  async call(method, path, body) {
    const turn = this.#turn;
    const token = this.#token;
    const answer = await this.#ask(method, path, { body, token: token ?? this.#pending });
    if (!token || turn !== this.#turn || !isDead(answer)) return answer;
    const fresh = token !== this.#token || (await this.#refresh());
    return fresh && turn === this.#turn ? this.#ask(method, path, { body, token: this.#token }) : answer;
  }

  /** Forgets first, and tells the service then. False: it could not be reached, and is told before anybody signs in. */
  async signOut() {
    const token = this.#token;
    localStorage.setItem(LEAVING, "1");
    this.#drop();
    return this.#leave(token);
  }

  #keep(told) {
    if (told.access_token || told.mfa_token || told.enrollment_token) {
      this.#token = told.access_token ?? null;
      this.#pending = told.mfa_token ?? told.enrollment_token ?? null;
    }
    if (told.device_token) localStorage.setItem(DEVICE, told.device_token);
    return told;
  }

  /** Whether there is a fresh token, or null as `resume`. Whoever asks meanwhile waits for the same one. */
  #refresh() {
    this.#refreshing ??= this.#renew().finally(() => (this.#refreshing = null));
    return this.#refreshing;
  }

  async #renew() {
    const turn = this.#turn;
    const answer = await this.#ask("POST", "/token/refresh");
    const told = answer?.ok ? await read(answer) : null;
    if (turn !== this.#turn) return false;
    if (told?.access_token) return Boolean(this.#keep(told));
    if (answer?.status !== 401) return null;
    this.#drop();
    return false;
  }

  async #ask(method, path, { body, token, credentials = "include" } = {}) {
    const headers = { "X-Gatehouse-CSRF": "1" };
    if (token) headers.Authorization = `Bearer ${token}`;
    if (body) headers["Content-Type"] = "application/json";
    const asked = { method, headers, body: body && JSON.stringify(body), credentials, cache: "no-store" };
    try {
      return await fetch(this.#api + path, { ...asked, signal: AbortSignal.timeout(PATIENCE) });
    } catch {
      return null;
    }
  }

  #drop() {
    this.#turn += 1;
    this.#token = null;
    this.#pending = null;
    sessionStorage.clear();
    this.#forget();
  }

  /** No script can remove the cookie: until the service did, nobody is signed in with it. 401: there is none. */
  async #leave(token) {
    if (localStorage.getItem(LEAVING) === null) return true;
    const answer = await this.#ask("POST", "/logout", { token });
    const left = answer !== null && (answer.ok || answer.status === 401);
    if (left) localStorage.removeItem(LEAVING);
    return left;
  }
}

/** The JSON of an answer, or null: there is none, or a proxy answered in the place of the service. */
async function read(answer) {
  try {
    return answer && (await answer.json());
  } catch {
    return null;
  }
}

/** A wrong password or a step-up is 401 too, and no refresh helps there. */
function isDead(answer) {
  return answer?.status === 401 && (answer.headers.get("WWW-Authenticate") ?? "").includes('error="invalid_token"');
}
