import { queryOptions } from '@tanstack/react-query';

import { api, ask } from '../api/client';
import type { components } from '../api/schema';

type Schemas = components['schemas'];
export type Rules = Schemas['WorkspaceRules'];
export type NewRules = Schemas['NewWorkspaceRules'];

/** What holds for all campaigns of the workspace. */
export const rulesQuery = queryOptions({
  queryKey: ['rules'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/workspace/rules', { signal })),
});

export const setRules = (body: NewRules): Promise<Rules> => ask(api.PUT('/api/v1/workspace/rules', { body }));

export const renameWorkspace = (workspaceId: string, name: string) =>
  ask(api.PATCH('/api/v1/workspaces/{workspaceId}', { params: { path: { workspaceId } }, body: { name } }));

export const changePassword = (currentPassword: string, newPassword: string) =>
  ask(api.POST('/api/v1/auth/password/change', { body: { currentPassword, newPassword } }));

export const logOutEverywhere = () => ask(api.POST('/api/v1/auth/logout-all'));
