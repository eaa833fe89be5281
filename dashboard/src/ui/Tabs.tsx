import { Link, type LinkProps } from '@tanstack/react-router';

import styles from './Tabs.module.css';

/** Parts of one thing, each with its own address. */
export function Tabs({
  label,
  tabs,
}: {
  label: string;
  tabs: readonly (Pick<LinkProps, 'to' | 'params'> & { name: string; isExact?: boolean })[];
}) {
  return (
    <nav aria-label={label} className={styles.tabs}>
      {tabs.map(({ name, isExact, ...to }) => (
        <Link key={name} {...to} activeOptions={{ exact: isExact ?? false }} className={styles.tab}>
          {name}
        </Link>
      ))}
    </nav>
  );
}
