import type { Tone } from './Chip';
import { classes } from './classes';
import { percent } from './format';
import styles from './Progress.module.css';

/** How far something is. With several parts they stand beside each other, and all of them together are what is done. */
export function Progress({
  label,
  total,
  parts,
}: {
  /** What is going on, for screen readers. */
  label: string;
  total: number;
  parts: readonly { count: number; tone: Tone }[];
}) {
  const done = parts.reduce((sum, part) => sum + part.count, 0);
  const share = (n: number) => (total === 0 ? 0 : Math.min(n / total, 1));
  return (
    <div
      className={styles.track}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(share(done) * 100)}
      aria-valuetext={percent(share(done))}
    >
      {parts.map((part) => (
        <span
          key={part.tone}
          className={classes(styles.part, styles[part.tone])}
          style={{ width: `${share(part.count) * 100}%` }}
        />
      ))}
    </div>
  );
}
