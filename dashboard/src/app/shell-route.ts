import { createRoute, lazyRouteComponent, redirect } from '@tanstack/react-router';

import { meQuery } from '../api/me';
import { currentSession, started } from '../api/session';
import { PageError } from './PageError';
import { rootRoute } from './root-route';

/** The parent of every page that needs somebody to be signed in. */
export const shellRoute = createRoute({
  getParentRoute: () => rootRoute,
  id: 'shell',
  beforeLoad: async ({ location, context }) => {
    await started();
    if (currentSession().kind === 'out') throw redirect({ to: '/sign-in', search: { to: location.href } });
    await context.queries.ensureQueryData(meQuery);
  },
  component: lazyRouteComponent(() => import('./Shell'), 'Shell'),
  errorComponent: PageError,
});
