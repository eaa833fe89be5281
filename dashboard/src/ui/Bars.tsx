import type { ReactNode } from 'react';

import styles from './Bars.module.css';
import type { Tone } from './Chip';
import { classes } from './classes';
import { count, percent } from './format';

/** Counts of several kinds as bars, with what each means. */
export function Bars({
  rows,
  total,
}: {
  rows: readonly { name: string; count: number; tone?: Tone; note?: ReactNode }[];
  /** What a full bar is; default the largest of them. */
  total?: number;
}) {
  const full = total ?? Math.max(...rows.map((row) => row.count), 1);
  return (
    <ul className={styles.bars}>
      {rows.map(({ name, count: n, tone = 'accent', note }) => (
        <li key={name} className={styles.row}>
          <span className={styles.name}>{name}</span>
          <span className={styles.figure}>
            {count(n)}
            {total !== undefined && total > 0 && <span className={styles.share}> {percent(n / total)}</span>}
          </span>
          <span className={styles.track} aria-hidden>
            <span className={classes(styles.bar, styles[tone])} style={{ width: `${(n / full) * 100}%` }} />
          </span>
          {note && <span className={styles.note}>{note}</span>}
        </li>
      ))}
    </ul>
  );
}
