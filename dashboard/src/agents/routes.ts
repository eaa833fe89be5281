import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

import { shellRoute } from '../app/shell-route';

const list = createRoute({
  getParentRoute: () => shellRoute,
  path: '/agents',
  component: lazyRouteComponent(() => import('./AgentsPage'), 'AgentsPage'),
});
const create = createRoute({
  getParentRoute: () => shellRoute,
  path: '/agents/new',
  component: lazyRouteComponent(() => import('./NewAgentPage'), 'NewAgentPage'),
});
const one = createRoute({
  getParentRoute: () => shellRoute,
  path: '/agents/$agentId',
  component: lazyRouteComponent(() => import('./AgentPage'), 'AgentPage'),
});

export const agentRoutes = [list, create, one];
