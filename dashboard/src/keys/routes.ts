import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

import { shellRoute } from '../app/shell-route';

const keys = createRoute({
  getParentRoute: () => shellRoute,
  path: '/keys',
  component: lazyRouteComponent(() => import('./KeysPage'), 'KeysPage'),
});

export const keyRoutes = [keys];
