import type { ReactNode } from 'react';

import styles from './Filters.module.css';

/** Fields above a list that narrow it; their values belong into the page's address. */
export function Filters({ children }: { children: ReactNode }) {
  return (
    <search className={styles.filters} aria-label="Narrow the list">
      {children}
    </search>
  );
}
