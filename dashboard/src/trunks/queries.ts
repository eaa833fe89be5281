import { queryOptions } from '@tanstack/react-query';

import { api, askPage } from '../api/client';
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
