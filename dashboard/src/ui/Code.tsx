import type { ReactNode } from 'react';

import styles from './Code.module.css';

/** Text for machines, as it is; scrolls where it is large. */
export function Code({ text, label, aside }: { text: string; label?: string; aside?: ReactNode }) {
  return (
    <div className={styles.code}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard */}
      <pre tabIndex={0} {...(label && { 'aria-label': label, role: 'region' })}>
        {text}
      </pre>
      {aside && <div className={styles.aside}>{aside}</div>}
    </div>
  );
}
