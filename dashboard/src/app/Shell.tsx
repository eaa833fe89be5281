import { useQueryClient, useSuspenseQuery } from '@tanstack/react-query';
import { Outlet, useLocation } from '@tanstack/react-router';
import { Menu as MenuIcon } from 'lucide-react';
import { useEffect, useState } from 'react';

import { LiveHub } from '../api/live';
import { meQuery } from '../api/me';
import { LiveContext } from '../api/use-live';
import { Button } from '../ui/Button';
import { Toasts } from '../ui/Toasts';
import { ConnectionNote } from './ConnectionNote';
import { NoWorkspace } from './NoWorkspace';
import styles from './Shell.module.css';
import { Side } from './Side';

/** What surrounds every page: the menu at the side, the note about a lost connection, and the one live stream. */
export function Shell() {
  const me = useSuspenseQuery(meQuery).data;
  const cache = useQueryClient();
  const [hub] = useState(() => new LiveHub(cache));
  const [isOpen, setOpen] = useState(false);
  const { pathname } = useLocation();
  // biome-ignore lint/correctness/useExhaustiveDependencies: whoever has gone to another page wants to see it
  useEffect(() => setOpen(false), [pathname]);
  if (me === null) return <NoWorkspace />;
  return (
    <LiveContext value={hub}>
      <div className={styles.shell}>
        <a href="#page" className={styles.skip}>
          Skip to the page
        </a>
        <div className={styles.bar}>
          <Button variant="quiet" iconOnly aria-label="Menu" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
            <MenuIcon aria-hidden />
          </Button>
          <span className={styles.brand}>Ringfleet</span>
        </div>
        <Side isOpen={isOpen} />
        <main id="page" tabIndex={-1} className={styles.main}>
          <ConnectionNote />
          <Outlet />
        </main>
        <Toasts />
      </div>
    </LiveContext>
  );
}
