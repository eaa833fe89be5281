import type { ReactNode } from 'react';

import { classes } from './classes';
import styles from './Table.module.css';

/** One column of a table. */
export interface Column<Row> {
  /** What stands above it; for a column of buttons say so, and set `isUnnamed`. */
  name: string;
  isUnnamed?: boolean;
  /** Right-aligned. */
  isNumber?: boolean;
  /** Left out where there is little room. */
  isWide?: boolean;
  cell: (row: Row) => ReactNode;
}

/**
 * A table of a few hundred rows at most; longer lists are for `VirtualTable`.
 *
 * A link with `data-row` in a cell covers its row.
 */
export function Table<Row>({
  caption,
  columns,
  rows,
  keyOf,
}: {
  /** Says what it lists, to screen readers. */
  caption: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string;
}) {
  const look = (column: Column<Row>) => classes(column.isNumber && styles.number, column.isWide && styles.wide);
  return (
    <div className={styles.scroll}>
      <table className={classes(styles.table, styles.rows)}>
        <caption className="unseen">{caption}</caption>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.name} scope="col" className={look(column)}>
                {column.isUnnamed ? <span className="unseen">{column.name}</span> : column.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map((column) => (
                <td key={column.name} className={look(column)}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
