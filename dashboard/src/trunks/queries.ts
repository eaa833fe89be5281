import { queryOptions } from '@tanstack/react-query';

import { api, ask, askPage } from '../api/client';
import type { components } from '../api/schema';

type Schemas = components['schemas'];
export type Trunk = Schemas['Trunk'];
export type TrunkGroup = Schemas['TrunkGroup'];

/** Most that fit on one page of a list. */
const PAGE = 100;

/** What places calls and sends messages. */
export const trunksQuery = queryOptions({
  queryKey: ['trunks', 'list'],
  queryFn: ({ signal }) => askPage(api.GET('/api/v1/trunks', { params: { query: { limit: PAGE } }, signal })),
});

/** Trunks that stand in for each other. */
export const trunkGroupsQuery = queryOptions({
  queryKey: ['trunk-groups', 'list'],
  queryFn: ({ signal }) => askPage(api.GET('/api/v1/trunk-groups', { params: { query: { limit: PAGE } }, signal })),
});

/** One trunk, with its live calls. */
export const trunkQuery = (trunkId: string) =>
  queryOptions({
    queryKey: ['trunks', 'one', trunkId],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/trunks/{trunkId}', { params: { path: { trunkId } }, signal })),
  });

/** Lets no call begin on a trunk, or lets them begin again. */
export const setTrunk = (trunkId: string, to: 'pause' | 'resume') =>
  ask(
    to === 'pause'
      ? api.POST('/api/v1/trunks/{trunkId}/pause', { params: { path: { trunkId } } })
      : api.POST('/api/v1/trunks/{trunkId}/resume', { params: { path: { trunkId } } }),
  );
