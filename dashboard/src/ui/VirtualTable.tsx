import { useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useEffect, useRef } from 'react';

import { classes } from './classes';
import { ErrorNote } from './Note';
import { Skeleton } from './Skeleton';
import type { Column } from './Table';
import type { PagedList } from './use-pages';
import styles from './VirtualTable.module.css';

/** A column of a table of which only the rows in view exist, so it cannot find its width by itself. */
export interface VirtualColumn<Row> extends Column<Row> {
  /** As in CSS grids: `8rem`, `minmax(6rem, 1fr)`. */
  width: string;
}

/** Height of a row in pixels. */
const ROW = 40;

/**
 * A table of any length: rows are loaded and drawn as they come into view.
 *
 * Its parts say by `role` what they are, for the elements of a table cannot be laid out like this. It can be focused, so that the keyboard scrolls it.
 */
export function VirtualTable<Row>({
  caption,
  columns,
  list,
  keyOf,
  empty,
  isCurrent,
}: {
  caption: string;
  columns: readonly VirtualColumn<Row>[];
  list: PagedList<Row>;
  keyOf: (row: Row) => string;
  /** What stands there when the list has nothing. */
  empty: ReactNode;
  /** The row that is shown beside the table. */
  isCurrent?: (row: Row) => boolean;
}) {
  const scroller = useRef<HTMLDivElement>(null);
  const { rows, hasMore, show } = list;
  const virtual = useVirtualizer({
    // The row behind the last one says that more are coming, and makes them come.
    count: rows + (hasMore ? 1 : 0),
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW,
    overscan: 12,
  });
  const items = virtual.getVirtualItems();
  const [first, last] = [items[0]?.index ?? 0, items.at(-1)?.index ?? 0];
  useEffect(() => show(first, last), [show, first, last]);

  if (list.error && rows === 0) return <ErrorNote error={list.error} onRetry={list.retry} />;
  if (list.isLoading) {
    return (
      <div className={styles.waiting}>
        <Skeleton lines={6} />
      </div>
    );
  }
  if (rows === 0 && !hasMore) return empty;
  const template = (of: typeof columns) => of.map(({ width }) => width).join(' ');
  const narrow = columns.filter(({ isWide }) => !isWide);
  return (
    <>
      <ErrorNote error={list.error} onRetry={list.retry} />
      <div ref={scroller} className={styles.scroll} tabIndex={0} role="region" aria-label={caption}>
        <div
          role="table"
          aria-label={caption}
          aria-rowcount={hasMore ? -1 : rows + 1}
          className={styles.table}
          style={{ ['--columns' as string]: template(columns), ['--narrow' as string]: template(narrow) }}
        >
          <div role="rowgroup" className={styles.head}>
            <div role="row" aria-rowindex={1} className={styles.row}>
              {columns.map((column) => (
                <span key={column.name} role="columnheader" className={look(column)}>
                  {column.isUnnamed ? <span className="unseen">{column.name}</span> : column.name}
                </span>
              ))}
            </div>
          </div>
          <div role="rowgroup" className={styles.body} style={{ height: virtual.getTotalSize() }}>
            {items.map(({ index, start }) => {
              const row = list.rowAt(index);
              return (
                <div
                  key={row ? keyOf(row) : index}
                  role="row"
                  aria-rowindex={index + 2}
                  aria-current={(row && isCurrent?.(row)) || undefined}
                  className={classes(styles.row, styles.item)}
                  style={{ transform: `translateY(${start}px)`, height: ROW }}
                >
                  {columns.map((column, i) => (
                    <span key={column.name} role="cell" className={look(column)}>
                      {row ? column.cell(row) : <Coming isFirst={i === 0} />}
                    </span>
                  ))}
                </div>
              );
            })}
          </div>
        </div>
      </div>
    </>
  );
}

function look<Row>({ isNumber, isWide }: VirtualColumn<Row>): string {
  return classes(styles.cell, isNumber && styles.number, isWide && styles.wide);
}

function Coming({ isFirst }: { isFirst: boolean }) {
  return (
    <span className={styles.coming}>
      <span className="unseen">{isFirst && 'Loading…'}</span>
    </span>
  );
}
