import { type ReactNode, useEffect } from 'react';

import { classes } from './classes';
import styles from './Page.module.css';

/** A page below the shell: its one `h1`, what one may do here, and its contents. */
export function Page({
  title,
  aside,
  crumb,
  lead,
  actions,
  isNarrow,
  children,
}: {
  title: string;
  /** Beside the title: a chip with the state, say. */
  aside?: ReactNode;
  /** Leads back to where it belongs. */
  crumb?: ReactNode;
  lead?: ReactNode;
  actions?: ReactNode;
  /** For forms and texts, which are hard to read in long lines. */
  isNarrow?: boolean;
  children: ReactNode;
}) {
  useEffect(() => {
    document.title = `${title} · Ringfleet`;
  }, [title]);
  return (
    <div className={classes(styles.page, isNarrow && styles.narrow)}>
      <header className={styles.head}>
        {crumb && <div className={styles.crumb}>{crumb}</div>}
        <div className={styles.line}>
          <div className={styles.title}>
            <h1>{title}</h1>
            {aside}
          </div>
          {actions && <div className={styles.actions}>{actions}</div>}
        </div>
        {lead && <p className={styles.lead}>{lead}</p>}
      </header>
      {children}
    </div>
  );
}

/** A part of a page with a heading of its own. */
export function Card({
  title,
  actions,
  isFlush,
  isStack,
  children,
}: {
  title?: string;
  actions?: ReactNode;
  /** Its contents reach the edges, as tables do. */
  isFlush?: boolean;
  /** Its contents stand below each other with room between them, as fields do. */
  isStack?: boolean;
  children: ReactNode;
}) {
  return (
    <section className={styles.card}>
      {title && (
        <div className={styles.cardHead}>
          <h2>{title}</h2>
          {actions}
        </div>
      )}
      <div className={isFlush ? styles.flush : classes(styles.cardBody, isStack && styles.stack)}>{children}</div>
    </section>
  );
}
