import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

import { shellRoute } from '../app/shell-route';
import { texts } from '../ui/search';
import type { AuditFilter } from './queries';

const audit = createRoute({
  getParentRoute: () => shellRoute,
  path: '/audit',
  validateSearch: (search: Record<string, unknown>): AuditFilter =>
    texts(search, 'actor', 'action', 'target', 'since', 'until'),
  component: lazyRouteComponent(() => import('./AuditPage'), 'AuditPage'),
});

export const auditRoutes = [audit];
