import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';

import { api, ask, askPage, BY_CURSOR } from '../api/client';
import type { components, operations } from '../api/schema';

type Schemas = components['schemas'];
export type Campaign = Schemas['Campaign'];
export type CampaignState = Schemas['CampaignState'];
export type CampaignStats = Schemas['CampaignStats'];
export type Recipient = Schemas['Recipient'];
export type Upload = Schemas['UploadDetail'];
export type PreviewRow =
  operations['upload_preview_show']['responses'][200]['content']['application/json']['data'][number];

/** Most that fit on one page of a list. */
const PAGE = 100;

/** Campaigns, newest first. */
export const campaignsQuery = (filter: { status?: CampaignState | undefined; name?: string | undefined }) =>
  infiniteQueryOptions({
    queryKey: ['campaigns', 'list', filter],
    queryFn: ({ pageParam, signal }) => {
      const query = { limit: 50, ...given({ ...filter, cursor: pageParam ?? undefined }) };
      return askPage(api.GET('/api/v1/campaigns', { params: { query }, signal }));
    },
    ...BY_CURSOR,
    placeholderData: keepPreviousData,
    refetchInterval: 15_000,
  });

/** One campaign's settings. */
export const campaignQuery = (campaignId: string) =>
  queryOptions({
    queryKey: ['campaigns', 'one', campaignId],
    queryFn: ({ signal }) =>
      ask(api.GET('/api/v1/campaigns/{campaignId}', { params: { path: { campaignId } }, signal })),
  });

/** One campaign's figures as they stood when they were asked for; the live stream tells the newer ones. */
export const statsQuery = (campaignId: string) =>
  queryOptions({
    queryKey: ['campaigns', 'one', campaignId, 'stats'],
    queryFn: ({ signal }) =>
      ask(api.GET('/api/v1/campaigns/{campaignId}/stats', { params: { path: { campaignId } }, signal })),
    meta: { catchUp: true },
  });

/** How a campaign went over time. */
export const timelineQuery = (campaignId: string) =>
  queryOptions({
    queryKey: ['campaigns', 'one', campaignId, 'timeline'],
    queryFn: ({ signal }) => {
      const params = { path: { campaignId }, query: { points: 300 } };
      return ask(api.GET('/api/v1/campaigns/{campaignId}/timeline', { params, signal }));
    },
    meta: { catchUp: true },
  });

/** What would happen if it called now. */
export const preflightQuery = (campaignId: string) =>
  queryOptions({
    queryKey: ['campaigns', 'one', campaignId, 'preflight'],
    queryFn: ({ signal }) =>
      // A million people take seconds to count; a count of the last minute of the campaign as it is now will do.
      ask(
        api.GET('/api/v1/campaigns/{campaignId}/preflight', {
          params: { path: { campaignId }, query: { maxAge: 60 } },
          signal,
        }),
      ),
    staleTime: 0,
  });

/** The lists that have filled a campaign, newest first. */
export const importsQuery = (campaignId: string) =>
  queryOptions({
    queryKey: ['campaigns', 'one', campaignId, 'imports'],
    queryFn: ({ signal }) =>
      askPage(api.GET('/api/v1/imports', { params: { query: { campaignId, limit: PAGE } }, signal })),
    refetchInterval: ({ state }) => (state.data?.items.some(({ status }) => status === 'RUNNING') ? 1_000 : false),
  });

/** One recipient with the steps of the plan. */
export const recipientQuery = (campaignId: string, recipientId: string) =>
  queryOptions({
    queryKey: ['campaigns', 'one', campaignId, 'recipients', recipientId],
    queryFn: ({ signal }) => {
      const path = { campaignId, recipientId };
      return ask(api.GET('/api/v1/campaigns/{campaignId}/recipients/{recipientId}', { params: { path }, signal }));
    },
    refetchInterval: ({ state }) => (state.data?.state === 'DONE' ? false : 3_000),
  });

/** Calls and messages to one recipient, newest first. */
export const sessionsQuery = (recipientId: string) =>
  queryOptions({
    queryKey: ['calls', 'list', { recipientId }],
    queryFn: ({ signal }) =>
      askPage(api.GET('/api/v1/sessions', { params: { query: { recipientId, limit: PAGE } }, signal })),
    refetchInterval: 3_000,
  });

/** Who may talk. */
export const agentsQuery = queryOptions({
  queryKey: ['agents', 'list'],
  queryFn: ({ signal }) => askPage(api.GET('/api/v1/agents', { params: { query: { limit: PAGE } }, signal })),
});

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

/** A file on its way. */
export const uploadQuery = (uploadId: string) =>
  queryOptions({
    queryKey: ['uploads', 'one', uploadId],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/uploads/{uploadId}', { params: { path: { uploadId } }, signal })),
  });

/** The first 100 rows of a file, with what an agent would say first. */
export const previewQuery = (upload: Pick<Upload, 'id' | 'validatedAt'>, agentId?: string) =>
  queryOptions({
    // Looked through anew, its rows are others.
    queryKey: ['uploads', 'one', upload.id, 'preview', upload.validatedAt, agentId],
    queryFn: ({ signal }) => {
      const params = { path: { uploadId: upload.id }, query: given({ agentId }) };
      return ask(api.GET('/api/v1/uploads/{uploadId}/preview', { params, signal }));
    },
    placeholderData: keepPreviousData,
  });

/** Without what is not given, since the API refuses empty parameters. */
export function given<T extends object>(query: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
