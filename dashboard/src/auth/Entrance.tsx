import { type ReactNode, useEffect } from 'react';

import styles from './Entrance.module.css';

/** The frame of the pages that one sees before one is in. */
export function Entrance({
  title,
  lead,
  links,
  children,
}: {
  title: string;
  lead?: ReactNode;
  links?: ReactNode;
  children: ReactNode;
}) {
  useEffect(() => {
    document.title = `${title} · Ringfleet`;
  }, [title]);
  return (
    <main className={styles.entrance}>
      <div className={styles.box}>
        <div className={styles.brand}>
          <img src="/icon.svg" alt="" />
          Ringfleet
        </div>
        <div className={styles.head}>
          <h1>{title}</h1>
          {lead && <p>{lead}</p>}
        </div>
        <div className={styles.card}>{children}</div>
        {links && <div className={styles.links}>{links}</div>}
      </div>
    </main>
  );
}
