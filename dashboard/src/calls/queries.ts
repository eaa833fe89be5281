import { queryOptions } from '@tanstack/react-query';

import { api, ask, askPage, fetchRaw } from '../api/client';
import { given } from '../api/given';
import { asProblem } from '../api/problem';
import type { components } from '../api/schema';
import { isOpen } from './words';

type Schemas = components['schemas'];
export type Call = Schemas['Session'];
export type CallState = Schemas['CallState'];

/** What narrows the list of calls. */
export interface CallFilter {
  status?: CallState | undefined;
  outcome?: Schemas['Outcome'] | undefined;
  number?: string | undefined;
  agentId?: string | undefined;
  campaignId?: string | undefined;
  since?: string | undefined;
  until?: string | undefined;
}

/** Rows of one page of a long list. */
const PAGE = 100;
/** How often an open call is looked at, in milliseconds: `GET /live` tells of all calls, not of the steps of one. */
const STEP = 2_000;

/** One page of the calls, newest first. */
export const callsPage = (filter: CallFilter, cursor: string | null, signal: AbortSignal) => {
  const query = { limit: PAGE, ...given({ ...filter, cursor }) };
  return askPage(api.GET('/api/v1/sessions', { params: { query }, signal }));
};

/** Where a file of the calls that a filter lets through lies. */
export const exportPath = (filter: CallFilter, kind: 'csv' | 'jsonl'): string =>
  `/api/v1/sessions/export.${kind}?${new URLSearchParams(given(filter) as Record<string, string>)}`;

/** One call. */
export const callQuery = (callId: string) =>
  queryOptions({
    queryKey: ['calls', 'one', callId],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/sessions/{callId}', { params: { path: { callId } }, signal })),
    refetchInterval: ({ state }) => (state.data && isOpen(state.data.status) ? STEP : false),
  });

/** A step of a call. */
export type CallEvent = { type: string; at: string | null } & Record<string, unknown>;

/** What is known of a call, in the order of time. */
export const replayQuery = (callId: string, status: CallState) =>
  queryOptions({
    queryKey: ['calls', 'one', callId, 'replay'],
    queryFn: async ({ signal }) => {
      const found = await ask(api.GET('/api/v1/sessions/{callId}/replay', { params: { path: { callId } }, signal }));
      return found.events as CallEvent[];
    },
    refetchInterval: isOpen(status) ? STEP : false,
  });

/** What was said in a call; null where nobody has told. */
export const transcriptQuery = (callId: string, status: CallState) =>
  queryOptions({
    queryKey: ['calls', 'one', callId, 'transcript'],
    queryFn: ({ signal }) =>
      ask(api.GET('/api/v1/sessions/{callId}/transcript', { params: { path: { callId } }, signal })).catch(orNull),
    refetchInterval: isOpen(status) ? STEP : false,
  });

/** The recording of a call that is over, as a file in memory; null where there is none. */
export const recordingQuery = (callId: string) =>
  queryOptions({
    queryKey: ['calls', 'one', callId, 'recording'],
    queryFn: ({ signal }) =>
      fetchRaw(`/api/v1/sessions/${callId}/recording`, { signal })
        .then((answer) => answer.blob())
        .catch(orNull),
    // A worker needs some seconds to bring it.
    retry: (failures, error) => failures < 30 && (asProblem(error).isPassing || isOnItsWay(error)),
    retryDelay: STEP,
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 60_000,
  });

const isOnItsWay = (error: unknown): boolean => asProblem(error).code === 'RECORDING_ON_ITS_WAY';

function orNull(error: unknown): null {
  if (asProblem(error).status === 404) return null;
  throw error;
}
