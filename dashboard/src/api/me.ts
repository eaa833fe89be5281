import { queryOptions, useSuspenseQuery } from '@tanstack/react-query';

import { api, ask, askPage, fetchRaw } from './client';
import type { Caller } from './contract';
import { asProblem } from './problem';
import { chooseWorkspace, chosenWorkspace, currentSession } from './session';

/** Something that needs permission, in the API's words. */
export type Action =
  | 'read'
  | 'run campaigns'
  | 'suppress numbers'
  | 'edit agents'
  | 'publish agents'
  | 'edit trunks'
  | 'edit webhooks'
  | 'edit rules'
  | 'see keys'
  | 'manage keys'
  | 'see invitations'
  | 'manage members'
  | 'edit the workspace'
  | 'read the audit log'
  | 'see the fleet'
  | 'run the fleet';

/** A workspace one may go to. */
export interface Home {
  id: string;
  name: string;
}

/** Who is signed in, where, and where else they may go. */
export interface Me extends Caller {
  homes: Home[];
}

/** Who is signed in; null where a user belongs to no workspace. */
export const meQuery = queryOptions({
  queryKey: ['me'],
  queryFn: async (): Promise<Me | null> => {
    const homes = await homesOfUser();
    if (homes?.length === 0) {
      chooseWorkspace(null);
      return null;
    }
    const first = homes?.[0];
    if (homes && first && !homes.some((home) => home.id === chosenWorkspace())) chooseWorkspace(first.id);
    const caller = await callerFromServer();
    return { ...caller, homes: homes ?? [caller.workspace] };
  },
  staleTime: 60_000,
});

async function homesOfUser(): Promise<Home[] | null> {
  if (currentSession().kind !== 'login') return null;
  const user = await ask(api.GET('/api/v1/users/me'));
  if (!user.superuser) return user.workspaces.map(({ id, name }) => ({ id, name }));
  // Whoever runs the installation is at home everywhere; their own workspaces come first.
  const all = await askPage(api.GET('/api/v1/workspaces', { params: { query: { all: true, limit: 100 } } }));
  const others = all.items.filter(({ id }) => !user.workspaces.some((own) => own.id === id));
  return [...user.workspaces, ...others].map(({ id, name }) => ({ id, name }));
}

async function callerFromServer(): Promise<Caller> {
  try {
    const answer = (await (await fetchRaw('/api/v1/me')).json()) as { data: Caller };
    return answer.data;
  } catch (error) {
    if (asProblem(error).status !== 404) throw error;
    return derived();
  }
}

/** From which role on something is allowed; for servers without `GET /me`. */
const DEVELOPER: Action[] = ['publish agents', 'edit trunks', 'edit webhooks', 'edit rules', 'see keys', 'manage keys'];
const MEMBER: Action[] = ['read', 'run campaigns', 'suppress numbers', 'edit agents'];
const ADMIN: Action[] = [
  'see invitations',
  'manage members',
  'edit the workspace',
  'read the audit log',
  'see the fleet',
];

async function derived(): Promise<Caller> {
  const workspace = await ask(api.GET('/api/v1/workspaces/{workspaceId}', { params: { path: { workspaceId: 'me' } } }));
  const session = currentSession();
  const user = session.kind === 'login' ? session.user : null;
  const superuser = user?.superuser ?? false;
  const role = superuser ? 'admin' : (workspace.role ?? 'member');
  const may = [...MEMBER, ...(role === 'member' ? [] : DEVELOPER), ...(role === 'admin' ? ADMIN : [])];
  const { id, name } = workspace;
  return { kind: user ? 'user' : 'key', user, key: null, workspace: { id, name }, role, scopes: null, superuser, may };
}

/** Who is signed in. Only below the shell, which has made sure that somebody is. */
export function useMe(): Me {
  const me = useSuspenseQuery(meQuery).data;
  if (me === null) throw new Error('the shell shows no page to whoever has no workspace');
  return me;
}

/** Whether something may be done: `can('run campaigns')`. */
export function useCan(): (action: Action) => boolean {
  const { may } = useMe();
  return (action) => may.includes(action);
}

/** Why something may not be done, for the button that would do it; undefined where it may. */
export function useWhyNot(): (action: Action) => string | undefined {
  const { may, role, kind, scopes } = useMe();
  return (action) => {
    if (may.includes(action)) return undefined;
    if (kind === 'key' && scopes !== null) return `This key's scopes do not let it ${action}.`;
    const who = kind === 'key' ? `A key of the role ${role}` : `Your role here is ${role}, which`;
    return `${who} may not ${action}. Ask an admin of the workspace.`;
  };
}
