import styles from './Skeleton.module.css';

/** Where something will stand in a moment. */
export function Skeleton({ lines = 3 }: { lines?: number }) {
  return (
    <div className={styles.lines} aria-busy="true">
      <span className="unseen">Loading…</span>
      {Array.from({ length: lines }, (_, i) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: they are all the same
        <span key={i} className={styles.line} />
      ))}
    </div>
  );
}
