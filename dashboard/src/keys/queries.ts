import { infiniteQueryOptions } from '@tanstack/react-query';

import { api, ask, askPage, BY_CURSOR } from '../api/client';
import { given } from '../api/given';
import type { components } from '../api/schema';

type Schemas = components['schemas'];
export type ApiKey = Schemas['ApiKey'];
/** A key with what it is, which is shown this once. */
export type KeyMade = Schemas['ApiKeyWithSecret'];
export type NewKey = Schemas['NewApiKey'];
export type Scope = Schemas['Scope'];

const PAGE = 100;

/** Keys that were not revoked, newest first. */
export const keysQuery = infiniteQueryOptions({
  queryKey: ['keys', 'list'],
  queryFn: ({ pageParam: cursor, signal }) =>
    askPage(api.GET('/api/v1/api-keys', { params: { query: { limit: PAGE, ...given({ cursor }) } }, signal })),
  ...BY_CURSOR,
});

export const makeKey = (body: NewKey): Promise<KeyMade> => ask(api.POST('/api/v1/api-keys', { body }));

/** Makes another secret for a key; the old one ends at once. */
export const rotateKey = (apiKeyId: string): Promise<KeyMade> =>
  ask(api.POST('/api/v1/api-keys/{apiKeyId}/rotate', { params: { path: { apiKeyId } } }));

export const revokeKey = (apiKeyId: string) =>
  ask(api.DELETE('/api/v1/api-keys/{apiKeyId}', { params: { path: { apiKeyId } } }));
