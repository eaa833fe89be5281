import { useQueries } from '@tanstack/react-query';
import { useCallback, useEffect, useRef, useState } from 'react';

import type { Page } from '../api/client';
import { extent, type KnownPages, learned, NOTHING, placeOf } from './known-pages';

/** Pages around those in view that are loaded as well. */
const MARGIN = 1;
/** Pages this far away are forgotten, and loaded again when they are scrolled to. */
const KEPT = 20;

/** A list of any length, of which the pages in view are loaded. */
export interface PagedList<Row> {
  /** Rows that are known. */
  rows: number;
  /** Whether more follow. */
  hasMore: boolean;
  /** One of them; undefined while its page is loading. */
  rowAt: (index: number) => Row | undefined;
  /** Says which rows are in view. */
  show: (first: number, last: number) => void;
  error: Error | null;
  /** Whether nothing has come yet. */
  isLoading: boolean;
  retry: () => void;
  /** Where the view has to go, once for each `version`; for lists whose places were guessed. */
  goTo?: { index: number; version: number };
}

/**
 * Follows a list page by page, in both directions; only what is near the view is in memory. Another `queryKey` is another list, which begins anew.
 */
export function usePages<Row>({
  queryKey,
  fetchPage,
  refetchInterval = false,
  isOff = false,
}: {
  queryKey: readonly unknown[];
  fetchPage: (cursor: string | null, signal: AbortSignal) => Promise<Page<Row>>;
  /** In milliseconds: how often the pages in view are looked at again. */
  refetchInterval?: number | false;
  /** Knows nothing and asks nothing. */
  isOff?: boolean;
}): PagedList<Row> {
  const id = JSON.stringify(queryKey);
  const [{ of, known }, setState] = useState({ of: id, known: NOTHING });
  const [[from, to], setView] = useState<readonly [number, number]>([0, 0]);
  const newest = useRef(new Map<number, Row[]>());
  if (of !== id) {
    setState({ of: id, known: NOTHING });
    newest.current.clear();
  }
  const first = Math.max(from - MARGIN, 0);
  const last = Math.min(to + MARGIN, known.starts.length - 1);
  const near = known.starts.slice(first, last + 1);
  const results = useQueries({
    queries: near.map((cursor) => ({
      queryKey: [...queryKey, cursor],
      queryFn: ({ signal }: { signal: AbortSignal }) => fetchPage(cursor, signal),
      refetchInterval,
      gcTime: 30_000,
      enabled: !isOff,
    })),
  });
  const pages = results.map(({ data }) => data);
  const version = results.map(({ dataUpdatedAt }) => dataUpdatedAt).join();

  // biome-ignore lint/correctness/useExhaustiveDependencies: `version` says whether any of the pages is another one
  useEffect(() => {
    pages.forEach((page, i) => {
      if (page) newest.current.set(first + i, page.items);
    });
    for (const index of newest.current.keys()) {
      if (index < first - KEPT || index > last + KEPT) newest.current.delete(index);
    }
    setState((before) => {
      const learn = (it: KnownPages, page: Page<Row> | undefined, i: number) =>
        page ? learned(it, first + i, page.items.length, page.next) : it;
      const known = before.of === id ? pages.reduce(learn, before.known) : before.known;
      return known === before.known ? before : { ...before, known };
    });
  }, [id, version, first, last]);

  const show = useCallback(
    (firstRow: number, lastRow: number) => {
      const view = [placeOf(known, firstRow).page, placeOf(known, lastRow).page] as const;
      setView((before) => (before[0] === view[0] && before[1] === view[1] ? before : view));
    },
    [known],
  );
  const rowAt = (index: number) => {
    const { page, offset } = placeOf(known, index);
    return (pages[page - first]?.items ?? newest.current.get(page))?.[offset];
  };
  const failed = results.find(({ error }) => error !== null);
  return {
    ...(isOff ? { rows: 0, hasMore: false } : extent(known)),
    rowAt,
    show,
    error: failed?.error ?? null,
    isLoading: !isOff && known === NOTHING && failed === undefined,
    retry: () => void failed?.refetch(),
  };
}
