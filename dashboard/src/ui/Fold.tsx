import { type ReactNode, useState } from 'react';

import styles from './Fold.module.css';

/** What few need, folded away until somebody opens it. */
export function Fold({
  title,
  isOpenAtFirst = false,
  children,
}: {
  title: string;
  /** Where something in it is set already, or wants to be seen. */
  isOpenAtFirst?: boolean;
  children: ReactNode;
}) {
  const [isOpen, setOpen] = useState(isOpenAtFirst);
  return (
    <details className={styles.fold} open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{title}</summary>
      <div className={styles.inside}>{children}</div>
    </details>
  );
}
