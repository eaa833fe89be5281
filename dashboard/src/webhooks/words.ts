import type { Tone } from '../ui/Chip';
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
