import { useCallback, useEffect, useRef, useState } from 'react';

import type { Page } from '../api/client';
import { type Anchor, anchorFor, type Knot } from './places';
import { type PagedList, usePages } from './use-pages';

/** Most places that a scroll bar has; browsers draw nothing much higher. Of longer lists each place stands for a few rows. */
const PLACES = 400_000;
/** A leap is made once the scroll bar has come to rest, in milliseconds. */
const REST = 120;

/** What is asked for one page of a list that runs by time. */
export interface Stretch {
  cursor: string | null;
  sort: 'createdAt' | '-createdAt';
  since?: string;
  until?: string;
}

/**
 * A list of known length, of which one may go anywhere at once: by the scroll bar one leaps to the time at which the rows there were made, as far as that can
 * be told, and from there it is followed page by page. At both ends it is exact.
 */
export function useLongList<Row>({
  queryKey,
  total,
  knots,
  fetchPage,
  refetchInterval = false,
}: {
  queryKey: readonly unknown[];
  total: number;
  /** Places whose times are known: both ends at least. */
  knots: readonly Knot[];
  fetchPage: (stretch: Stretch, signal: AbortSignal) => Promise<Page<Row>>;
  refetchInterval?: number | false;
}): PagedList<Row> {
  const count = Math.min(total, PLACES);
  const [anchor, setAnchor] = useState<Anchor>({ position: 0, time: null });
  const [goTo, setGoTo] = useState({ index: 0, version: 0 });
  const at = anchor.time === null ? undefined : new Date(anchor.time).toISOString();
  const isTop = anchor.time === null && anchor.position === 0;
  const isBottom = anchor.time === null && !isTop;
  const below = usePages<Row>({
    queryKey: [...queryKey, 'below', at ?? 'top'],
    fetchPage: (cursor, signal) => fetchPage({ cursor, sort: '-createdAt', ...(at && { until: at }) }, signal),
    refetchInterval,
    isOff: isBottom,
  });
  const above = usePages<Row>({
    queryKey: [...queryKey, 'above', at ?? 'bottom'],
    fetchPage: (cursor, signal) => fetchPage({ cursor, sort: 'createdAt', ...(at && { since: at }) }, signal),
    refetchInterval,
    isOff: isTop,
  });

  const rest = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useEffect(() => () => clearTimeout(rest.current), []);
  const [showAbove, showBelow] = [above.show, below.show];
  const around = { above: pick(above), below: pick(below) };
  // Of a list with more rows than places, the places of what is known lie closer together.
  const scaled = knots.map(({ position, time }) => ({ position: (position * count) / Math.max(total, 1), time }));
  const newest = useRef({ around, knots: scaled });
  newest.current = { around, knots: scaled };
  const show = useCallback(
    (first: number, last: number) => {
      clearTimeout(rest.current);
      const { around, knots } = newest.current;
      const next = anchorFor(anchor, around, [first, last], count, knots);
      if (next === null) {
        showBelow(Math.max(first - anchor.position, 0), Math.max(last - anchor.position, 0));
        showAbove(Math.max(anchor.position - 1 - last, 0), Math.max(anchor.position - 1 - first, 0));
        return;
      }
      rest.current = setTimeout(() => {
        setAnchor(next.anchor);
        if (next.first !== first) setGoTo(({ version }) => ({ index: next.first, version: version + 1 }));
      }, REST);
    },
    [showAbove, showBelow, anchor, count],
  );
  return {
    rows: count,
    hasMore: false,
    rowAt: (index) =>
      index >= anchor.position ? below.rowAt(index - anchor.position) : above.rowAt(anchor.position - 1 - index),
    show,
    error: below.error ?? above.error,
    isLoading: false,
    retry: () => {
      below.retry();
      above.retry();
    },
    goTo,
  };
}

const pick = ({ rows, hasMore }: PagedList<unknown>) => ({ rows, hasMore });
