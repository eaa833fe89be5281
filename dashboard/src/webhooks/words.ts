import type { Tone } from '../ui/Chip';
import { counted } from '../ui/format';
import type { DeliveryState, Webhook } from './queries';

interface Word {
  text: string;
  tone: Tone;
}

export const DELIVERY: Readonly<Record<DeliveryState, Word>> = {
  PENDING: { text: 'On its way', tone: 'info' },
  DELIVERED: { text: 'Delivered', tone: 'good' },
  DEAD: { text: 'Given up', tone: 'bad' },
};

/** How an endpoint does. */
export function stateOf({ isActive, failingSince, disabledReason }: Webhook): Word {
  if (!isActive)
    return { text: disabledReason ? 'Switched off by a rule' : 'Switched off', tone: disabledReason ? 'bad' : 'plain' };
  return failingSince ? { text: 'Failing', tone: 'warn' } : { text: 'Working', tone: 'good' };
}

/** So many events are named one by one; a longer list is nobody's to read. */
const NAMED = 6;

/** What an endpoint is told of; without a list of events that is everything. */
export function toldOf({ samora, events }: Pick<Webhook, 'samora' | 'events'>): string {
  if (samora) return 'events in Samora’s words';
  if (events.length === 0) return 'all events';
  return events.length > NAMED ? counted(events.length, 'event') : events.join(', ');
}

/** The headers of a request that do not change from attempt to attempt, and the others with what is to be known of them. */
export function headersOf({ style, customHeaders }: Pick<Webhook, 'style' | 'customHeaders'>, eventId: string): string {
  const signature =
    style === 'saaya'
      ? ['Saaya-Signature: t=(seconds since 1970),v1=(of this attempt)']
      : ['webhook-timestamp: (seconds since 1970, of this attempt)', 'webhook-signature: v1,(of this attempt)'];
  const own = customHeaders.map((name) => `${name}: (as you have set it)`);
  return ['content-type: application/json', `webhook-id: ${eventId}`, ...signature, ...own].join('\n');
}

/** The host and path of an address, which tell endpoints apart; the scheme does not. */
export const shortUrl = (url: string): string => url.replace(/^https?:\/\//, '');

/** What a body says, indented for people; as it is, where it is no JSON. */
export function pretty(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

/** What was answered: a status, or nothing. */
export function answerOf(status: number | null | undefined): Word {
  if (status == null) return { text: 'No answer', tone: 'bad' };
  const isGood = status >= 200 && status < 300;
  return { text: String(status), tone: isGood ? 'good' : 'bad' };
}
