import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';

import { api, ask, askPage, BY_CURSOR } from '../api/client';
import { given } from '../api/given';
import type { components } from '../api/schema';

type Schemas = components['schemas'];
export type Webhook = Schemas['Webhook'];
/** An endpoint with its secret, which is shown this once. */
export type WebhookMade = Schemas['WebhookMade'];
export type EventType = Schemas['EventType'];
export type Delivery = Schemas['Delivery'];
export type DeliveryState = Schemas['DeliveryState'];
export type NewWebhook = Schemas['NewWebhook'];
export type WebhookChanges = Schemas['WebhookChanges'];

/** What narrows the list of deliveries. */
export interface DeliveryFilter {
  status?: DeliveryState | undefined;
  event?: string | undefined;
  since?: string | undefined;
  until?: string | undefined;
}

const PAGE = 100;
/** How often something on its way is looked at, in milliseconds. */
const LOOK = 1_500;

/** Endpoints, newest first. */
export const webhooksQuery = infiniteQueryOptions({
  queryKey: ['webhooks', 'list'],
  queryFn: ({ pageParam: cursor, signal }) =>
    askPage(api.GET('/api/v1/webhooks', { params: { query: { limit: PAGE, ...given({ cursor }) } }, signal })),
  ...BY_CURSOR,
});

/** What may be subscribed to, with what each means. */
export const eventsQuery = queryOptions({
  queryKey: ['webhooks', 'events'],
  queryFn: ({ signal }) => ask(api.GET('/api/v1/webhooks/events', { signal })),
  staleTime: Number.POSITIVE_INFINITY,
});

/** One endpoint. */
export const webhookQuery = (webhookId: string) =>
  queryOptions({
    queryKey: ['webhooks', 'one', webhookId],
    queryFn: ({ signal }) => ask(api.GET('/api/v1/webhooks/{webhookId}', { params: { path: { webhookId } }, signal })),
  });

/** One page of what was sent to an endpoint, newest first. */
export const deliveriesPage = (
  webhookId: string,
  { event, ...filter }: DeliveryFilter,
  cursor: string | null,
  signal: AbortSignal,
) => {
  const query = { limit: PAGE, ...given({ ...filter, event: event as EventType | undefined, cursor }) };
  return askPage(
    api.GET('/api/v1/webhooks/{webhookId}/deliveries', { params: { path: { webhookId }, query }, signal }),
  );
};

/** One delivery with its requests; looked at again while it is on its way. */
export const deliveryQuery = (deliveryId: string) =>
  queryOptions({
    queryKey: ['webhooks', 'delivery', deliveryId],
    queryFn: ({ signal }) =>
      ask(api.GET('/api/v1/deliveries/{deliveryId}', { params: { path: { deliveryId } }, signal })),
    refetchInterval: ({ state }) => (state.data?.status === 'PENDING' ? LOOK : false),
  });

const at = (webhookId: string) => ({ params: { path: { webhookId } } });

export const makeWebhook = (body: NewWebhook): Promise<WebhookMade> => ask(api.POST('/api/v1/webhooks', { body }));

export const changeWebhook = (webhookId: string, body: WebhookChanges): Promise<Webhook> =>
  ask(api.PATCH('/api/v1/webhooks/{webhookId}', { ...at(webhookId), body }));

export const deleteWebhook = (webhookId: string) => ask(api.DELETE('/api/v1/webhooks/{webhookId}', at(webhookId)));

/** Makes a new secret; the old one signs beside it for so long. */
export const rotateSecret = (webhookId: string, overlapSeconds: number): Promise<WebhookMade> =>
  ask(api.POST('/api/v1/webhooks/{webhookId}/rotate-secret', { ...at(webhookId), body: { overlapSeconds } }));

/** Sends the sample of an event. */
export const tryOut = (webhookId: string, event: EventType): Promise<Delivery> =>
  ask(api.POST('/api/v1/webhooks/{webhookId}/test', { ...at(webhookId), body: { event } }));

export const replayDelivery = (deliveryId: string): Promise<Delivery> =>
  ask(api.POST('/api/v1/deliveries/{deliveryId}/replay', { params: { path: { deliveryId } } }));

/** Sends again all that ended so. */
export const replayMany = (webhookId: string, body: Schemas['WebhookReplay']) =>
  ask(api.POST('/api/v1/webhooks/{webhookId}/replay', { ...at(webhookId), body }));
