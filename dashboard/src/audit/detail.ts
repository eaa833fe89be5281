/** One value that a change has set, with what it was before where that is told. */
export interface Change {
  name: string;
  before: string | null;
  after: string;
}

type Fields = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isChange = (value: unknown): value is { from: unknown; to: unknown } =>
  isObject(value) && 'from' in value && 'to' in value && Object.keys(value).length === 2;

/** What an entry tells, value by value: of objects only what differs. */
export function changesOf(detail: unknown): Change[] {
  if (!isObject(detail)) return [];
  return Object.entries(detail).flatMap(([name, value]) => {
    if (isChange(value)) return differences(name, value.from, value.to);
    if (isObject(value) && Object.keys(value).length > 0)
      return changesOf(value).map((change) => ({ ...change, name: `${words(name)}, ${change.name}` }));
    return [{ name: words(name), before: null, after: shown(value) }];
  });
}

function differences(name: string, from: unknown, to: unknown): Change[] {
  if (isObject(from) && isObject(to)) {
    const names = [...new Set([...Object.keys(from), ...Object.keys(to)])];
    return names.flatMap((inner) =>
      JSON.stringify(from[inner] ?? null) === JSON.stringify(to[inner] ?? null)
        ? []
        : differences(inner, from[inner], to[inner]).map((it) => ({ ...it, name: `${words(name)}, ${it.name}` })),
    );
  }
  return [{ name: words(name), before: shown(from), after: shown(to) }];
}

/** `maxPer24h` → max per 24h. */
const words = (name: string): string =>
  name
    .replace(/_/g, ' ')
    .replace(/([a-z])([A-Z0-9])/g, '$1 $2')
    .toLowerCase();

function shown(value: unknown): string {
  if (value === null || value === undefined || value === '') return 'nothing';
  if (typeof value === 'boolean') return value ? 'yes' : 'no';
  if (Array.isArray(value)) return value.length === 0 ? 'nothing' : value.map(shown).join(', ');
  if (isObject(value))
    return Object.entries(value)
      .map(([name, inner]) => `${words(name)}: ${shown(inner)}`)
      .join('; ');
  return String(value);
}
