import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

import { shellRoute } from '../app/shell-route';

const fleet = createRoute({
  getParentRoute: () => shellRoute,
  path: '/fleet',
  component: lazyRouteComponent(() => import('./FleetPage'), 'FleetPage'),
});

export const fleetRoutes = [fleet];
