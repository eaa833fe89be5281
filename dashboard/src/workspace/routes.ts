import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

import { shellRoute } from '../app/shell-route';

const workspace = createRoute({
  getParentRoute: () => shellRoute,
  path: '/workspace',
  component: lazyRouteComponent(() => import('./WorkspacePage'), 'WorkspacePage'),
});
const account = createRoute({
  getParentRoute: () => shellRoute,
  path: '/account',
  component: lazyRouteComponent(() => import('./AccountPage'), 'AccountPage'),
});

export const workspaceRoutes = [workspace, account];
