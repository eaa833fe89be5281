import createClient from 'openapi-fetch';

import { asProblem, Problem, problemOf } from './problem';
import type { paths } from './schema';
import { chosenWorkspace, currentSession, renew, signedOut } from './session';

/** A token that ends within this time is renewed before it is used, in milliseconds. */
const NEARLY_OVER = 20_000;
/** Longest wait that a busy server may ask of a page before it is told to whoever waits, in milliseconds. */
const PATIENCE = 5_000;

/** The API by its own description: every path, parameter and answer is typed. */
export const api = createClient<paths>({ fetch: (request) => authorized(request) });

/** Sends a request as whoever is signed in; renews a login that has run out, and waits where the server asks for it. */
export async function authorized(request: Request): Promise<Response> {
  const session = currentSession();
  if (session.kind === 'login' && session.goodUntil - Date.now() < NEARLY_OVER) await renew();
  const spare = request.clone();
  const answer = await send(request);
  if (answer.status === 401 && currentSession().kind !== 'out') return (await afterRefusal(spare)) ?? answer;
  const wait = answer.status === 429 ? Number(answer.headers.get('retry-after')) * 1000 : 0;
  if (wait > 0 && wait <= PATIENCE && spare.method === 'GET') {
    await new Promise((resolve) => setTimeout(resolve, wait));
    return send(spare);
  }
  return answer;
}

function send(request: Request): Promise<Response> {
  const session = currentSession();
  const workspace = chosenWorkspace();
  if (session.kind === 'login') {
    request.headers.set('Authorization', `Bearer ${session.token}`);
    if (workspace !== null) request.headers.set('X-Workspace-Id', workspace);
  }
  if (session.kind === 'key') request.headers.set('Authorization', `Bearer ${session.key}`);
  return fetch(request);
}

/** A login may have run out, which its cookie mends; a key that is refused was revoked. */
async function afterRefusal(spare: Request): Promise<Response | null> {
  if (currentSession().kind === 'login' && (await renew())) return send(spare);
  signedOut();
  return null;
}

interface Answered<T> {
  data?: { data: T } | undefined;
  error?: unknown;
  response: Response;
}

/** The data of an answer. Throws a {@link Problem}. */
export async function ask<T>(asked: Promise<Answered<T>>): Promise<T> {
  return (await whole(asked)).data;
}

/** One page of a list. */
export interface Page<T> {
  items: T[];
  next: string | null;
}

/** How `infiniteQueryOptions` follows a list of the API. */
export const BY_CURSOR = {
  initialPageParam: null as string | null,
  getNextPageParam: (page: { next: string | null }) => page.next,
};

/** The items of a page and the cursor of the next one. Throws a {@link Problem}. */
export async function askPage<T>(
  asked: Promise<{
    data?: { data: T[]; meta: { next_cursor: string | null } } | undefined;
    error?: unknown;
    response: Response;
  }>,
): Promise<Page<T>> {
  const answer = (await whole(asked)) as { data: T[]; meta: { next_cursor: string | null } };
  return { items: answer.data, next: answer.meta.next_cursor };
}

async function whole<D>(asked: Promise<{ data?: D | undefined; error?: unknown; response: Response }>): Promise<D> {
  const { data, error, response } = await asked.catch((thrown: unknown) => {
    if (thrown instanceof DOMException && thrown.name === 'AbortError') throw thrown;
    throw asProblem(thrown);
  });
  if (data === undefined || !response.ok) throw problemOf(response, error);
  return data;
}

/** Asks for a path that the description does not type, as files and streams are; throws a {@link Problem} unless it is answered well. */
export async function fetchRaw(path: string, init?: RequestInit): Promise<Response> {
  const answer = await authorized(new Request(path, init)).catch((thrown: unknown) => {
    throw thrown instanceof DOMException ? thrown : asProblem(thrown);
  });
  if (answer.ok) return answer;
  throw problemOf(answer, await answer.json().catch(() => null));
}

export { Problem };
