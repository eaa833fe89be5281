import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';

import { api, ask, askPage } from '../api/client';
import type { components } from '../api/schema';

export type Campaign = components['schemas']['Campaign'];
export type CampaignState = components['schemas']['CampaignState'];

/** Campaigns, newest first. */
export const campaignsQuery = (filter: { status?: CampaignState | undefined; name?: string | undefined }) =>
  infiniteQueryOptions({
    queryKey: ['campaigns', 'list', filter],
    queryFn: ({ pageParam, signal }) => {
      const query = { limit: 50, ...given({ ...filter, cursor: pageParam ?? undefined }) };
      return askPage(api.GET('/api/v1/campaigns', { params: { query }, signal }));
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next,
    refetchInterval: 15_000,
  });

/** One campaign's settings. */
export const campaignQuery = (campaignId: string) =>
  queryOptions({
    queryKey: ['campaigns', 'one', campaignId],
    queryFn: ({ signal }) =>
      ask(api.GET('/api/v1/campaigns/{campaignId}', { params: { path: { campaignId } }, signal })),
  });

/** Without what is not given, since the API refuses empty parameters. */
function given<T extends object>(query: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
