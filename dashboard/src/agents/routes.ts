import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

import { shellRoute } from '../app/shell-route';
import { backIn } from '../ui/back';

const list = createRoute({
  getParentRoute: () => shellRoute,
  path: '/agents',
  component: lazyRouteComponent(() => import('./AgentsPage'), 'AgentsPage'),
});
const create = createRoute({
  getParentRoute: () => shellRoute,
  path: '/agents/new',
  validateSearch: (search: Record<string, unknown>) => backIn(search),
  component: lazyRouteComponent(() => import('./NewAgentPage'), 'NewAgentPage'),
});
const one = createRoute({
  getParentRoute: () => shellRoute,
  path: '/agents/$agentId',
  component: lazyRouteComponent(() => import('./AgentPage'), 'AgentPage'),
});

export const agentRoutes = [list, create, one];
