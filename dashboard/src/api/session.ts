import type { components } from './schema';

type Login = components['schemas']['Login'];

/** Who is signed in on this page. */
export type Session =
  | { kind: 'starting' }
  | { kind: 'out' }
  | { kind: 'login'; token: string; goodUntil: number; user: Login['user'] }
  | { kind: 'key'; key: string };

const KEY = 'ringfleet.key';
const WORKSPACE = 'ringfleet.workspace';

let session: Session = { kind: 'starting' };
const listeners = new Set<() => void>();

/** Who is signed in now. */
export const currentSession = (): Session => session;

/** Calls back after each change. */
export function onSession(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function become(next: Session): void {
  session = next;
  for (const listener of listeners) listener();
}

let starting: Promise<void> | null = null;

/** Goes on, once, as whoever was signed in before: by the key of this tab, or the cookie of a login. */
export function started(): Promise<void> {
  starting ??= resume().catch((error: unknown) => {
    starting = null;
    throw error;
  });
  return starting;
}

async function resume(): Promise<void> {
  const key = sessionStorage.getItem(KEY);
  if (key) return become({ kind: 'key', key });
  if (!(await renew())) become({ kind: 'out' });
}

/** Keeps a login. Its token stays in memory; the cookie that renews it is out of any script's reach. */
export function signedIn(login: Login): void {
  sessionStorage.removeItem(KEY);
  become({
    kind: 'login',
    token: login.accessToken,
    goodUntil: Date.now() + login.expiresIn * 1000,
    user: login.user,
  });
}

/** Signs in by an API key, for as long as this tab is open. */
export function signedInByKey(key: string): void {
  sessionStorage.setItem(KEY, key);
  become({ kind: 'key', key });
}

/** Forgets who was signed in here; the server is told by who calls this. */
export function signedOut(): void {
  sessionStorage.removeItem(KEY);
  become({ kind: 'out' });
}

let renewing: Promise<boolean> | null = null;

/** Gets a fresh access token by the cookie. However many ask at once, it is asked for once. */
export function renew(): Promise<boolean> {
  renewing ??= ask().finally(() => {
    renewing = null;
  });
  return renewing;
}

async function ask(): Promise<boolean> {
  const answer = await fetch('/api/v1/auth/refresh', { method: 'POST' });
  if (answer.status === 401) return false;
  if (!answer.ok) throw new TypeError(`a login could not be renewed: ${answer.status}`);
  const body = (await answer.json()) as { data: Login };
  signedIn(body.data);
  return true;
}

/** The workspace a user is in, in this tab, or was in last in any; keys have their own. */
export const chosenWorkspace = (): string | null =>
  sessionStorage.getItem(WORKSPACE) ?? localStorage.getItem(WORKSPACE);

/** Goes to another workspace, or to none in particular. */
export function chooseWorkspace(id: string | null): void {
  for (const storage of [sessionStorage, localStorage]) {
    if (id === null) storage.removeItem(WORKSPACE);
    else storage.setItem(WORKSPACE, id);
  }
}
