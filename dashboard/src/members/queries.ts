import { infiniteQueryOptions } from '@tanstack/react-query';

import { api, ask, askPage, BY_CURSOR } from '../api/client';
import { given } from '../api/given';
import type { components } from '../api/schema';

type Schemas = components['schemas'];
export type Member = Schemas['WorkspaceMember'];
export type Invite = Schemas['Invite'];
export type InviteMade = Schemas['InviteMade'];
export type Role = Schemas['Role'];

const PAGE = 100;
const of = (workspaceId: string) => ({ path: { workspaceId } });

/** Who works in a workspace. */
export const membersQuery = (workspaceId: string) =>
  infiniteQueryOptions({
    queryKey: ['members', 'list', workspaceId],
    queryFn: ({ pageParam: cursor, signal }) => {
      const params = { ...of(workspaceId), query: { limit: PAGE, ...given({ cursor }) } };
      return askPage(api.GET('/api/v1/workspaces/{workspaceId}/members', { params, signal }));
    },
    ...BY_CURSOR,
  });

/** Who is invited and has not accepted. */
export const invitesQuery = (workspaceId: string) =>
  infiniteQueryOptions({
    queryKey: ['members', 'invites', workspaceId],
    queryFn: ({ pageParam: cursor, signal }) => {
      const params = { ...of(workspaceId), query: { limit: PAGE, ...given({ cursor }) } };
      return askPage(api.GET('/api/v1/workspaces/{workspaceId}/invites', { params, signal }));
    },
    ...BY_CURSOR,
  });

export const invite = (workspaceId: string, email: string, role: Role): Promise<InviteMade> =>
  ask(api.POST('/api/v1/workspaces/{workspaceId}/invite', { params: of(workspaceId), body: { email, role } }));

export const withdraw = (workspaceId: string, inviteId: string) =>
  ask(
    api.DELETE('/api/v1/workspaces/{workspaceId}/invites/{inviteId}', { params: { path: { workspaceId, inviteId } } }),
  );

export const setRole = (workspaceId: string, userId: string, role: Role): Promise<Member> =>
  ask(
    api.PATCH('/api/v1/workspaces/{workspaceId}/members/{userId}', {
      params: { path: { workspaceId, userId } },
      body: { role },
    }),
  );

export const removeMember = (workspaceId: string, userId: string) =>
  ask(api.DELETE('/api/v1/workspaces/{workspaceId}/members/{userId}', { params: { path: { workspaceId, userId } } }));

export const leave = (workspaceId: string) =>
  ask(api.POST('/api/v1/workspaces/{workspaceId}/leave', { params: of(workspaceId) }));
