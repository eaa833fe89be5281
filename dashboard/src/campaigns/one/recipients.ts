import { queryOptions } from '@tanstack/react-query';

import { api, askPage, type Page } from '../../api/client';
import type { operations } from '../../api/schema';
import type { Knot } from '../../ui/places';
import type { Recipient } from '../queries';

type Query = NonNullable<operations['recipients_list']['parameters']['query']>;

/** A page of a campaign's recipients. */
export function recipientsPage(campaignId: string, query: Query, signal: AbortSignal): Promise<Page<Recipient>> {
  const params = { path: { campaignId }, query: { limit: 100, ...query } };
  return askPage(api.GET('/api/v1/campaigns/{campaignId}/recipients', { params, signal }));
}

/** When the rows at some places of a campaign's list were made: at both ends, and at those of the lists it was filled with. */
export const knotsQuery = (campaignId: string, total: number) =>
  queryOptions({
    queryKey: ['campaigns', 'one', campaignId, 'recipients', 'knots', total],
    queryFn: async ({ signal }): Promise<Knot[]> => {
      const [newest, oldest, imports] = await Promise.all([
        recipientsPage(campaignId, { limit: 1 }, signal),
        recipientsPage(campaignId, { limit: 1, sort: 'createdAt' }, signal),
        askPage(api.GET('/api/v1/imports', { params: { query: { campaignId, limit: 100 } }, signal })),
      ]);
      const made = (page: Page<Recipient>) => Date.parse(page.items[0]?.createdAt ?? '');
      return knotsOf(total, made(newest), made(oldest), imports.items);
    },
    placeholderData: (before) => before,
    staleTime: 60_000,
  });

/** Within a list rows are made evenly, between lists none are. Where lists are not all there is, nothing better is known than the ends. */
export function knotsOf(
  total: number,
  newest: number,
  oldest: number,
  imports: readonly { accepted: number; createdAt: string; finishedAt?: string | null }[],
): Knot[] {
  const ends = [
    { position: 0, time: newest + 1 },
    { position: total, time: oldest },
  ];
  if (imports.reduce((sum, { accepted }) => sum + accepted, 0) !== total) return ends;
  let position = 0;
  const knots = imports.flatMap(({ accepted, createdAt, finishedAt }) => {
    const from = { position, time: finishedAt ? Date.parse(finishedAt) : newest + 1 };
    position += accepted;
    return [from, { position, time: Date.parse(createdAt) }];
  });
  return knots.length > 0 ? knots : ends;
}
