import { queryOptions } from '@tanstack/react-query';

import { api, ask, askPage } from '../api/client';
import type { components } from '../api/schema';

export type Agent = components['schemas']['Agent'];

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
