import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

import { shellRoute } from '../app/shell-route';
import { backIn } from '../ui/back';
import { choice } from '../ui/search';
import { KIND } from './words';

const list = createRoute({
  getParentRoute: () => shellRoute,
  path: '/trunks',
  component: lazyRouteComponent(() => import('./TrunksPage'), 'TrunksPage'),
});
const create = createRoute({
  getParentRoute: () => shellRoute,
  path: '/trunks/new',
  validateSearch: (search: Record<string, unknown>) => ({ ...choice(search, 'kind', KIND), ...backIn(search) }),
  component: lazyRouteComponent(() => import('./NewTrunkPage'), 'NewTrunkPage'),
});
const one = createRoute({
  getParentRoute: () => shellRoute,
  path: '/trunks/$trunkId',
  component: lazyRouteComponent(() => import('./TrunkPage'), 'TrunkPage'),
});
const edit = createRoute({
  getParentRoute: () => shellRoute,
  path: '/trunks/$trunkId/edit',
  component: lazyRouteComponent(() => import('./EditTrunkPage'), 'EditTrunkPage'),
});
const group = createRoute({
  getParentRoute: () => shellRoute,
  path: '/trunks/groups/$groupId',
  component: lazyRouteComponent(() => import('./GroupPage'), 'GroupPage'),
});

export const trunkRoutes = [list, create, one, edit, group];
