import { queryOptions } from '@tanstack/react-query';

import { api, ask } from '../api/client';
import type { components } from '../api/schema';

type Schemas = components['schemas'];
export type Rules = Schemas['WorkspaceRules'];
export type NewRules = Schemas['NewWorkspaceRules'];

/** Rules as they stood at some moment, by which a change can say what it is a change of. */
export interface KnownRules {
  rules: Rules;
  etag: string | null;
}

async function known(asked: ReturnType<typeof putRules>): Promise<KnownRules> {
  const rules = await ask(asked);
  return { rules, etag: (await asked).response.headers.get('etag') };
}

/** What holds for all campaigns of the workspace. */
export const rulesQuery = queryOptions({
  queryKey: ['rules'],
  queryFn: ({ signal }) => known(api.GET('/api/v1/workspace/rules', { signal })),
});

const putRules = (body: NewRules, etag: string | null) =>
  api.PUT('/api/v1/workspace/rules', { body, params: { header: etag === null ? {} : { 'If-Match': etag } } });

/** Replaces the rules; refused where somebody else has changed them since they were looked at. */
export const setRules = (body: NewRules, etag: string | null): Promise<KnownRules> => known(putRules(body, etag));

export const renameWorkspace = (workspaceId: string, name: string) =>
  ask(api.PATCH('/api/v1/workspaces/{workspaceId}', { params: { path: { workspaceId } }, body: { name } }));

/** One's own account. */
export const accountQuery = queryOptions({
  queryKey: ['account'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/users/me', { signal })),
});

export const changePassword = (currentPassword: string, newPassword: string) =>
  ask(api.POST('/api/v1/auth/password/change', { body: { currentPassword, newPassword } }));

export const logOutEverywhere = () => ask(api.POST('/api/v1/auth/logout-all'));
