import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';

import { api, ask, askPage, BY_CURSOR } from '../api/client';
import { given } from '../api/given';
import type { components } from '../api/schema';

type Schemas = components['schemas'];
export type Agent = Schemas['Agent'];

/** Most that fit on one page of a list. */
export const PAGE = 100;

/** Agents to choose from, and to name: the newest of them. */
export const agentsQuery = queryOptions({
  queryKey: ['agents', 'list'],
  queryFn: ({ signal }) => askPage(api.GET('/api/v1/agents', { params: { query: { limit: PAGE } }, signal })),
});

/** One agent, as it is published. */
export const agentQuery = (agentId: string) =>
  queryOptions({
    queryKey: ['agents', 'one', agentId],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/agents/{agentId}', { params: { path: { agentId } }, signal })),
  });

/** All agents that were not put away, page by page. */
export const agentPages = infiniteQueryOptions({
  queryKey: ['agents', 'pages'],
  queryFn: ({ pageParam: cursor, signal }) =>
    askPage(api.GET('/api/v1/agents', { params: { query: { limit: PAGE, ...given({ cursor }) } }, signal })),
  ...BY_CURSOR,
});

/** The versions of an agent, newest first. */
export const versionsQuery = (agentId: string) =>
  infiniteQueryOptions({
    queryKey: ['agents', 'one', agentId, 'versions'],
    queryFn: ({ pageParam: cursor, signal }) => {
      const query = { limit: PAGE, ...given({ cursor }) };
      return askPage(api.GET('/api/v1/agents/{agentId}/versions', { params: { path: { agentId }, query }, signal }));
    },
    ...BY_CURSOR,
  });

/** States of campaigns that still have their agent. */
const OPEN = ['DRAFT', 'SCHEDULED', 'IN_PROGRESS', 'PAUSED'] as const;
/** So many of each are named. */
const NAMED = 10;

/** Campaigns that an agent cannot be put away for. */
export const openCampaignsQuery = (agentId: string) =>
  queryOptions({
    queryKey: ['agents', 'one', agentId, 'campaigns'],
    queryFn: async ({ signal }) => {
      const asked = OPEN.map((status) => {
        const query = { agentId, status, limit: NAMED };
        return askPage(api.GET('/api/v1/campaigns', { params: { query }, signal }));
      });
      const pages = await Promise.all(asked);
      return { campaigns: pages.flatMap(({ items }) => items), hasMore: pages.some(({ next }) => next !== null) };
    },
    staleTime: 0,
  });

const of = (agentId: string) => ({ path: { agentId } });

export const makeAgent = (body: Schemas['NewAgent']): Promise<Agent> => ask(api.POST('/api/v1/agents', { body }));

/** Makes a draft of the latest version; gives that where nothing is another. */
export const changeAgent = (agentId: string, body: Schemas['AgentChange']): Promise<Agent> =>
  ask(api.PATCH('/api/v1/agents/{agentId}', { params: of(agentId), body }));

export const publishAgent = (agentId: string, versionId: string): Promise<Agent> =>
  ask(api.POST('/api/v1/agents/{agentId}/publish', { params: of(agentId), body: { versionId } }));

export const rollBackAgent = (agentId: string): Promise<Agent> =>
  ask(api.POST('/api/v1/agents/{agentId}/rollback', { params: of(agentId) }));

export const putAgentAway = (agentId: string) => ask(api.DELETE('/api/v1/agents/{agentId}', { params: of(agentId) }));
