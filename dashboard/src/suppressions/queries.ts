import { infiniteQueryOptions } from '@tanstack/react-query';

import { api, ask, askPage, BY_CURSOR, fetchRaw } from '../api/client';
import { given } from '../api/given';
import type { components } from '../api/schema';

type Schemas = components['schemas'];
export type Suppression = Schemas['Suppression'];
export type NewSuppression = Schemas['NewSuppression'];
export type SuppressionUpload = Schemas['SuppressionUpload'];
export type Erasure = Schemas['Erasure'];

const PAGE = 100;
/** How often an erasure that goes on is looked at, in milliseconds. */
const LOOK = 2_000;

/** One page of the list, newest first. */
export const suppressionsPage = (number: string | undefined, cursor: string | null, signal: AbortSignal) =>
  askPage(
    api.GET('/api/v1/suppressions', { params: { query: { limit: PAGE, ...given({ number, cursor }) } }, signal }),
  );

export const suppress = (body: NewSuppression): Promise<Suppression[]> =>
  ask(api.POST('/api/v1/suppressions', { body }));

export const unsuppress = (suppressionId: string) =>
  ask(api.DELETE('/api/v1/suppressions/{suppressionId}', { params: { path: { suppressionId } } }));

/** Adds the numbers of a file, from its column of that name or, without one, the one that looks like it; what is wrong with the others is in the answer. */
export async function suppressFile(file: File, column: string): Promise<SuppressionUpload> {
  const headers = { 'Content-Type': 'text/csv' };
  const query = column === '' ? '' : `?column=${encodeURIComponent(column)}`;
  const answer = await fetchRaw(`/api/v1/suppressions/import${query}`, { method: 'POST', headers, body: file });
  return (await answer.json()).data as SuppressionUpload;
}

/** Who was erased, newest first; by a hash, for nobody knows the number any more. */
export const erasuresQuery = infiniteQueryOptions({
  queryKey: ['erasures', 'list'],
  queryFn: ({ pageParam: cursor, signal }) =>
    askPage(api.GET('/api/v1/erasures', { params: { query: { limit: PAGE, ...given({ cursor }) } }, signal })),
  ...BY_CURSOR,
  refetchInterval: ({ state }) =>
    state.data?.pages.some(({ items }) => items.some(({ status }) => status !== 'FINISHED')) ? LOOK : false,
});

export const erase = (body: Schemas['NewErasure']): Promise<Erasure> => ask(api.POST('/api/v1/erasures', { body }));
