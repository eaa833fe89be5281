import type { Tone } from '../ui/Chip';
import type { Erasure, Suppression } from './queries';

/** Where an entry comes from. */
export const SOURCE: Readonly<Record<Suppression['source'], { text: string; tone: Tone }>> = {
  STOP: { text: 'They said stop', tone: 'warn' },
  OPERATOR: { text: 'Somebody here', tone: 'plain' },
  IMPORT: { text: 'A file', tone: 'plain' },
};

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
