import type { ReactNode } from 'react';

import { Button } from './Button';
import { ErrorNote } from './Note';
import { Card } from './Page';
import { Skeleton } from './Skeleton';

/** What is needed of `useInfiniteQuery` to show its pages. */
interface Pages {
  error: unknown;
  isPending: boolean;
  data: unknown;
  hasNextPage: boolean;
  isFetchingNextPage: boolean;
  refetch: () => unknown;
  fetchNextPage: () => unknown;
}

/** All rows that have come so far. */
export const rowsOf = <Row,>(list: { data: { pages: readonly { items: Row[] }[] } | undefined }): Row[] =>
  list.data?.pages.flatMap(({ items }) => items) ?? [];

/** A table whose rows come page by page: what went wrong, the wait for the first page, the table or what stands where it is empty, and a button for more. */
export function PageCard({
  list,
  more,
  lines = 4,
  children,
}: {
  list: Pages;
  /** What the button says that brings the next page. */
  more?: string;
  /** How high the wait is. */
  lines?: number;
  /** The table, or what stands where there are no rows. */
  children: ReactNode;
}) {
  return (
    <>
      <ErrorNote error={list.error} onRetry={() => list.refetch()} />
      {list.isPending && (
        <Card>
          <Skeleton lines={lines} />
        </Card>
      )}
      {list.data !== undefined && <Card isFlush>{children}</Card>}
      <More list={list} says={more} />
    </>
  );
}

/** Brings the next page, where there is one. */
export function More({ list, says = 'Show older ones' }: { list: Pages; says?: string | undefined }) {
  if (!list.hasNextPage) return null;
  return (
    <div>
      <Button isPending={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
        {says}
      </Button>
    </div>
  );
}
