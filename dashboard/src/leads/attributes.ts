import { type Pair, pair } from '../ui/Pairs';

/** Attributes as they are being typed: what is no text is written as JSON. */
export const pairsOf = (attributes: unknown): Pair[] =>
  Object.entries((attributes ?? {}) as Record<string, unknown>).map(([name, value]) => pair(name, written(value)));

/** A value as people read it. */
export const written = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** Attributes for the API: a text stays one where it was one, and what was a number or a list is read as such where it still can be. */
export function attributesOf(pairs: readonly Pair[], before: unknown): Record<string, unknown> {
  const old = (before ?? {}) as Record<string, unknown>;
  const read = (name: string, value: string): unknown => {
    if (!Object.hasOwn(old, name) || typeof old[name] === 'string') return value;
    try {
      return JSON.parse(value);
    } catch {
      return value;
    }
  };
  const named = pairs.filter(({ name }) => name.trim() !== '');
  return Object.fromEntries(named.map(({ name, value }) => [name.trim(), read(name.trim(), value)]));
}
