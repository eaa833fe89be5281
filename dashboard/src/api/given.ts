/** Without what is not given, since the API refuses empty parameters. */
export function given<T extends object>(query: T): { [K in keyof T]?: Exclude<T[K], undefined | null> } {
  const entries = Object.entries(query).filter(([, value]) => value !== undefined && value !== null && value !== '');
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined | null> };
}
