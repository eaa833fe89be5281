import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

import { shellRoute } from '../app/shell-route';

const members = createRoute({
  getParentRoute: () => shellRoute,
  path: '/members',
  component: lazyRouteComponent(() => import('./MembersPage'), 'MembersPage'),
});

export const memberRoutes = [members];
