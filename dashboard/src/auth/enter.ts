import { useQueryClient } from '@tanstack/react-query';
import { useRouter } from '@tanstack/react-router';

import type { components } from '../api/schema';
import { signedIn, signedInByKey } from '../api/session';

/** What is done once somebody has been let in: nothing of whoever was here before is kept, and the page they wanted is shown. */
export function useEnter(to: string | undefined): {
  withLogin: (login: components['schemas']['Login']) => void;
  withKey: (key: string) => void;
} {
  const cache = useQueryClient();
  const router = useRouter();
  const go = () => {
    cache.clear();
    router.history.push(pageOf(to));
  };
  return {
    withLogin: (login) => {
      signedIn(login);
      go();
    },
    withKey: (key) => {
      signedInByKey(key);
      go();
    },
  };
}

/** A page of the dashboard, wherever a link may want to lead. */
export function pageOf(to: string | undefined): string {
  return to !== undefined && /^\/(?![/\\])/.test(to) ? to : '/campaigns';
}
