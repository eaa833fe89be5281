import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

import { shellRoute } from '../app/shell-route';
import { texts } from '../ui/search';
import type { LeadFilter } from './queries';

const list = createRoute({
  getParentRoute: () => shellRoute,
  path: '/leads',
  validateSearch: (search: Record<string, unknown>): LeadFilter => texts(search, 'number', 'email'),
  component: lazyRouteComponent(() => import('./LeadsPage'), 'LeadsPage'),
});
const one = createRoute({
  getParentRoute: () => shellRoute,
  path: '/leads/$leadId',
  component: lazyRouteComponent(() => import('./LeadPage'), 'LeadPage'),
});

export const leadRoutes = [list, one];
