import type { Tone } from '../ui/Chip';
import type { Erasure, Suppression } from './queries';

/** Where an entry comes from. */
export const SOURCE: Readonly<Record<Suppression['source'], { text: string; tone: Tone }>> = {
  STOP: { text: 'They said stop', tone: 'warn' },
  OPERATOR: { text: 'Somebody here', tone: 'plain' },
  IMPORT: { text: 'A file', tone: 'plain' },
};

/** Whether an entry has run out: it stays in the list, and keeps nobody out any more. */
export const isOver = ({ expiresAt }: Pick<Suppression, 'expiresAt'>, now = new Date()): boolean =>
  expiresAt != null && new Date(expiresAt) <= now;

const BY: Readonly<Record<NonNullable<Suppression['channel']>, string>> = {
  voice: 'by telephone',
  whatsapp: 'by WhatsApp',
  sms: 'by text message',
  email: 'by e-mail',
};

/** What it means to take an entry off the list. */
export function whatRemovingMeans(
  entry: Pick<Suppression, 'source' | 'channel' | 'expiresAt'>,
  now = new Date(),
): string {
  if (isOver(entry, now)) return 'It has run out and keeps nobody out any more: nothing changes but the list.';
  if (entry.source === 'STOP')
    return 'They have said stop. To contact them again needs their consent, and you have to be able to show it.';
  const how = entry.channel ? ` ${BY[entry.channel]}` : '';
  return `Campaigns may contact them${how} again from then on, unless another entry for the number forbids it.`;
}

export const ERASURE: Readonly<Record<Erasure['status'], { text: string; tone: Tone }>> = {
  WAITING: { text: 'Waiting', tone: 'info' },
  ERASING: { text: 'Erasing', tone: 'accent' },
  FINISHED: { text: 'Finished', tone: 'good' },
};

/** What was erased, in words, the empty kinds left out: `recordings` → 3 recordings. */
export function erased(counts: Erasure['erased']): [string, number][] {
  const words = (name: string) => name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  const found = Object.entries(counts) as [string, number][];
  return found.filter(([, n]) => n > 0).map(([name, n]) => [words(name), n]);
}
