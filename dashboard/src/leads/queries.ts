import { queryOptions } from '@tanstack/react-query';

import { api, ask, askPage } from '../api/client';
import { given } from '../api/given';
import type { components } from '../api/schema';

type Schemas = components['schemas'];
export type Lead = Schemas['Lead'];
/** A call or a message to a lead. */
export type LeadCall = Schemas['Session'];

/** What narrows the list of leads. */
export interface LeadFilter {
  number?: string | undefined;
  email?: string | undefined;
}

/** One page of the leads, newest first. */
export const leadsPage = (filter: LeadFilter, cursor: string | null, signal: AbortSignal) =>
  askPage(api.GET('/api/v1/leads', { params: { query: { limit: 100, ...given({ ...filter, cursor }) } }, signal }));

const of = (leadId: string) => ({ path: { leadId } });

export const leadQuery = (leadId: string) =>
  queryOptions({
    queryKey: ['leads', 'one', leadId],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/leads/{leadId}', { params: of(leadId), signal })),
  });

/** The last calls and messages to a lead. */
export const leadCallsQuery = (leadId: string) =>
  queryOptions({
    queryKey: ['leads', 'one', leadId, 'calls'],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/leads/{leadId}/sessions', { params: of(leadId), signal })),
  });

const askReplies = (leadId: string, signal: AbortSignal) =>
  ask(api.GET('/api/v1/leads/{leadId}/replies', { params: of(leadId), signal }));

/** Something a lead has written. */
export type Reply = Awaited<ReturnType<typeof askReplies>>[number];

/** What a lead has written. */
export const repliesQuery = (leadId: string) =>
  queryOptions({
    queryKey: ['leads', 'one', leadId, 'replies'],
    queryFn: ({ signal }) => askReplies(leadId, signal),
  });

export const makeLead = (body: Schemas['NewLead']): Promise<Lead> => ask(api.POST('/api/v1/leads', { body }));

export const changeLead = (leadId: string, body: Schemas['LeadChange']): Promise<Lead> =>
  ask(api.PATCH('/api/v1/leads/{leadId}', { params: of(leadId), body }));

export const deleteLead = (leadId: string) => ask(api.DELETE('/api/v1/leads/{leadId}', { params: of(leadId) }));

/** What became of people that were sent together. */
export type Kept = Schemas['KeptLeads'];

/** Makes leads, or adds to those whose numbers are known. */
export const keepLeads = (leads: readonly object[], signal: AbortSignal): Promise<Kept> =>
  ask(api.POST('/api/v1/leads/bulk', { body: { leads: leads as Record<string, never>[] }, signal }));

/** Puts a channel on the list of those by which a lead is not contacted, or all of them. */
export const optOut = (leadId: string, optOut: Schemas['NewOptOut']): Promise<Lead> =>
  changeLead(leadId, { optOuts: [optOut] });

/** Takes an opt-out back: takes the number off the suppression list. */
export const takeBack = (suppressionId: string) =>
  ask(api.DELETE('/api/v1/suppressions/{suppressionId}', { params: { path: { suppressionId } } }));
