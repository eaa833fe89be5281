/** Of a page's address what stands there as text under these names; the rest is somebody's slip and is left out. */
export function texts<K extends string>(
  search: Record<string, unknown>,
  ...names: readonly K[]
): { [N in K]?: string | undefined } {
  const found = names
    .map((name) => [name, search[name]])
    .filter(([, value]) => typeof value === 'string' && value !== '');
  return Object.fromEntries(found) as { [N in K]?: string | undefined };
}

/** The same for one of several words, of which `words` has one entry each. */
export function choice<N extends string, V extends string>(
  search: Record<string, unknown>,
  name: N,
  words: Readonly<Record<V, unknown>>,
): { [K in N]?: V | undefined } {
  const value = search[name];
  const isOne = typeof value === 'string' && Object.hasOwn(words, value);
  return (isOne ? { [name]: value } : {}) as { [K in N]?: V | undefined };
}
