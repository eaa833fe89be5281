import { useQueryClient } from '@tanstack/react-query';
import { useRouter } from '@tanstack/react-router';

import { chooseWorkspace, currentSession, signedOut } from '../api/session';

/** Ways to another workspace, and out. Nothing of the one before is kept. */
export function useLeaving(): { switchTo: (workspace: string) => Promise<void>; signOut: () => Promise<void> } {
  const cache = useQueryClient();
  const router = useRouter();
  return {
    switchTo: async (workspace) => {
      chooseWorkspace(workspace);
      await router.navigate({ to: '/campaigns' });
      cache.clear();
      await router.invalidate();
    },
    signOut: async () => {
      // The cookie is the server's to take back. Where it cannot be reached the login ends by itself, some day.
      if (currentSession().kind === 'login') await fetch('/api/v1/auth/logout', { method: 'POST' }).catch(() => {});
      signedOut();
    },
  };
}
