import type { Tone } from '../ui/Chip';
import type { Agent } from './queries';

/** What a version is. */
export const VERSION: Readonly<Record<Agent['status'], { text: string; tone: Tone }>> = {
  draft: { text: 'Draft', tone: 'warn' },
  published: { text: 'Live', tone: 'good' },
  retired: { text: 'Was live', tone: 'plain' },
  rolledBack: { text: 'Rolled back', tone: 'plain' },
};

/** What a key of the callee's does. */
export const KEY: Readonly<Record<Agent['keypad'][string]['action'], string>> = {
  suppress: 'Takes them off all lists (stop)',
  connect: 'Connects them with who talks',
  transfer: 'Hands them on to …',
};

/** What is done when a machine's beep is heard. */
export const MACHINE: Readonly<Record<Agent['onMachine'], string>> = {
  hangUp: 'Hang up',
  message: 'Leave a message',
  carryOn: 'Talk on as with a person',
};

/** Names of places for variables in these texts, each once, with the default where one has it. */
export function variablesOf(...texts: readonly (string | null | undefined)[]): Map<string, string | null> {
  const found = new Map<string, string | null>();
  for (const text of texts) {
    for (const [, name = '', fallback] of (text ?? '').matchAll(/\{\{\s*([^{}|]+?)\s*(?:\|([^{}]*))?\}\}/g)) {
      if (!found.get(name)) found.set(name, fallback ?? null);
    }
  }
  return found;
}

/** A text with its places filled. */
export const filled = (text: string, values: ReadonlyMap<string, string>): string =>
  text.replaceAll(
    /\{\{\s*([^{}|]+?)\s*(?:\|([^{}]*))?\}\}/g,
    (place, name: string, fallback?: string) => values.get(name) || (fallback ?? place),
  );
