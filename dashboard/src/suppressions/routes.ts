import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

import { shellRoute } from '../app/shell-route';
import { texts } from '../ui/search';

const list = createRoute({
  getParentRoute: () => shellRoute,
  path: '/suppressions',
  validateSearch: (search: Record<string, unknown>): { number?: string | undefined } => texts(search, 'number'),
  component: lazyRouteComponent(() => import('./SuppressionsPage'), 'SuppressionsPage'),
});
const erasures = createRoute({
  getParentRoute: () => shellRoute,
  path: '/suppressions/erasures',
  component: lazyRouteComponent(() => import('./ErasuresPage'), 'ErasuresPage'),
});

export const suppressionRoutes = [list, erasures];
