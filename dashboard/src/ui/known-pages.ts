/** What is known of a list that comes in pages, each beginning after the cursor the one before has told. */
export interface KnownPages {
  /** Where each known page begins; the first one at null. */
  readonly starts: readonly (string | null)[];
  /** How many rows each has; undefined for one that was never loaded. */
  readonly sizes: readonly (number | undefined)[];
}

/** Nothing has been loaded: there is a first page. */
export const NOTHING: KnownPages = { starts: [null], sizes: [] };

/** What is known once page `index` was loaded, with so many rows and the cursor that leads on. */
export function learned(known: KnownPages, index: number, size: number, next: string | null): KnownPages {
  const isNews = known.sizes[index] !== size || (known.starts[index + 1] ?? null) !== next;
  if (!isNews) return known;
  const sizes = [...known.sizes];
  sizes[index] = size;
  if (next === null) return { starts: known.starts.slice(0, index + 1), sizes: sizes.slice(0, index + 1) };
  const starts = [...known.starts];
  starts[index + 1] = next;
  return { starts, sizes };
}

/** How many rows are known, and whether more follow. */
export function extent({ starts, sizes }: KnownPages): { rows: number; hasMore: boolean } {
  const rows = sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
  return { rows, hasMore: starts.some((_, index) => sizes[index] === undefined) };
}

/** Where a row stands: its page, and its place there. A row behind all that are known is in the first page that was not loaded. */
export function placeOf({ starts, sizes }: KnownPages, row: number): { page: number; offset: number } {
  let before = 0;
  for (let page = 0; page < starts.length; page += 1) {
    const size = sizes[page];
    if (size === undefined || row < before + size) return { page, offset: row - before };
    before += size;
  }
  return { page: starts.length - 1, offset: row - before };
}
