import { infiniteQueryOptions, queryOptions, useQueries } from '@tanstack/react-query';

import { api, ask, askPage, BY_CURSOR } from '../api/client';
import { given } from '../api/given';
import type { components } from '../api/schema';

type Schemas = components['schemas'];
export type Trunk = Schemas['Trunk'];
export type TrunkGroup = Schemas['TrunkGroup'];

/** Most that fit on one page of a list. */
const PAGE = 100;
/** How often trunks are looked at, in milliseconds: no live topic tells of them. */
export const LOOK = 5_000;
/** Of so many the live calls are asked for, one by one, for lists do not tell them. */
const COUNTED = 30;

/** What places calls and sends messages: the newest of them. */
export const trunksQuery = queryOptions({
  queryKey: ['trunks', 'list'],
  queryFn: ({ signal }) => askPage(api.GET('/api/v1/trunks', { params: { query: { limit: PAGE } }, signal })),
});

/** All trunks, page by page. */
export const trunkPages = infiniteQueryOptions({
  queryKey: ['trunks', 'pages'],
  queryFn: ({ pageParam: cursor, signal }) =>
    askPage(api.GET('/api/v1/trunks', { params: { query: { limit: PAGE, ...given({ cursor }) } }, signal })),
  ...BY_CURSOR,
});

/** Trunks that stand in for each other: the newest of them. */
export const trunkGroupsQuery = queryOptions({
  queryKey: ['trunk-groups', 'list'],
  queryFn: ({ signal }) => askPage(api.GET('/api/v1/trunk-groups', { params: { query: { limit: PAGE } }, signal })),
});

/** All groups, page by page. */
export const trunkGroupPages = infiniteQueryOptions({
  queryKey: ['trunk-groups', 'pages'],
  queryFn: ({ pageParam: cursor, signal }) =>
    askPage(api.GET('/api/v1/trunk-groups', { params: { query: { limit: PAGE, ...given({ cursor }) } }, signal })),
  ...BY_CURSOR,
});

/** One trunk, with its live calls. */
export const trunkQuery = (trunkId: string) =>
  queryOptions({
    queryKey: ['trunks', 'one', trunkId],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/trunks/{trunkId}', { params: { path: { trunkId } }, signal })),
  });

/** One group. */
export const trunkGroupQuery = (trunkGroupId: string) =>
  queryOptions({
    queryKey: ['trunk-groups', 'one', trunkGroupId],
    queryFn: ({ signal }) =>
      ask(api.GET('/api/v1/trunk-groups/{trunkGroupId}', { params: { path: { trunkGroupId } }, signal })),
  });

/** These trunks, each asked for; those that are not known yet are missing. */
export function useTrunks(ids: readonly string[]): ReadonlyMap<string, Schemas['TrunkDetail']> {
  const queries = ids.map((id) => ({ ...trunkQuery(id), refetchInterval: LOOK }));
  const found = useQueries({ queries }).flatMap(({ data }) => (data ? [[data.id as string, data] as const] : []));
  return new Map(found);
}

/** What is live on the first trunks of a list. */
export function useLiveCounts(trunks: readonly Trunk[]): ReadonlyMap<string, number> {
  const found = useTrunks(trunks.slice(0, COUNTED).map(({ id }) => id));
  return new Map([...found].map(([id, { liveCalls }]) => [id, liveCalls]));
}

/** Lets no call begin on a trunk, or lets them begin again. */
export const setTrunk = (trunkId: string, to: 'pause' | 'resume') =>
  ask(
    to === 'pause'
      ? api.POST('/api/v1/trunks/{trunkId}/pause', { params: { path: { trunkId } } })
      : api.POST('/api/v1/trunks/{trunkId}/resume', { params: { path: { trunkId } } }),
  );
