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

/** The same within a list. */
export const KEY_DOES: typeof KEY = {
  suppress: 'takes them off all lists',
  connect: 'connects them',
  transfer: 'hands on to',
};

/** Who talks after the greeting. */
export const CONNECT: Readonly<Record<NonNullable<Agent['connect']>['kind'], string>> = {
  ws: 'a program',
  sip: 'a telephone',
};

/** What is done when a machine's beep is heard. */
export const MACHINE: Readonly<Record<Agent['onMachine'], string>> = {
  hangUp: 'Hang up',
  message: 'Leave a message',
  carryOn: 'Talk on as with a person',
};

/** The innermost braces with what is between them: `{{name}}`, `{{name|default}}`. */
const PLACE = /\{\{\s*([^{}|]*?)\s*(?:\|([^{}]*))?\}\}/g;

/** Names of places for variables in these texts, each once, with the default where every place of that name has one. */
export function variablesOf(...texts: readonly (string | null | undefined)[]): Map<string, string | null> {
  const found = new Map<string, string | null>();
  for (const text of texts) {
    for (const [, name = '', fallback] of (text ?? '').matchAll(PLACE)) {
      const before = found.get(name);
      // One place without a default is enough for whoever lacks the value not to be called.
      found.set(name, before === null || fallback === undefined ? null : (before ?? fallback.trim()));
    }
  }
  return found;
}

/** A text with its places filled. */
export const filled = (text: string, values: ReadonlyMap<string, string>): string =>
  text.replaceAll(PLACE, (place, name: string, fallback?: string) => values.get(name) || (fallback?.trim() ?? place));
