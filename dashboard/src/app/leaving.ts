import { useQueryClient } from '@tanstack/react-query';
import { useRouter } from '@tanstack/react-router';

import { chooseWorkspace, currentSession, signedOut } from '../api/session';
import { mayLeave } from '../ui/unsaved';

/** Ways to another workspace, and out. Nothing of the one before is kept. */
export function useLeaving(): { switchTo: (workspace: string) => Promise<void>; signOut: () => Promise<void> } {
  const cache = useQueryClient();
  const router = useRouter();
  return {
    switchTo: async (workspace) => {
      // First of all: what is typed here must not be saved over there.
      if (!(await mayLeave())) return;
      chooseWorkspace(workspace);
      await router.navigate({ to: '/campaigns', ignoreBlocker: true });
      cache.clear();
      await router.invalidate();
    },
    signOut: async () => {
      if (!(await mayLeave())) return;
      // The cookie is the server's to take back. Where it cannot be reached the login ends by itself, some day.
      if (currentSession().kind === 'login') await fetch('/api/v1/auth/logout', { method: 'POST' }).catch(() => {});
      signedOut();
    },
  };
}
