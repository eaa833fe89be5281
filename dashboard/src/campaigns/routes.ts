import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

import { shellRoute } from '../app/shell-route';
import type { CampaignState } from './queries';
import { STATUS } from './words';

const list = createRoute({
  getParentRoute: () => shellRoute,
  path: '/campaigns',
  validateSearch: (
    search: Record<string, unknown>,
  ): { status?: CampaignState | undefined; name?: string | undefined } => ({
    ...(typeof search.status === 'string' && search.status in STATUS && { status: search.status as CampaignState }),
    ...(typeof search.name === 'string' && search.name !== '' && { name: search.name }),
  }),
  component: lazyRouteComponent(() => import('./CampaignsPage'), 'CampaignsPage'),
});
const create = createRoute({
  getParentRoute: () => shellRoute,
  path: '/campaigns/new',
  component: lazyRouteComponent(() => import('./CampaignsPage'), 'CampaignsPage'),
});
const one = createRoute({
  getParentRoute: () => shellRoute,
  path: '/campaigns/$campaignId',
  component: lazyRouteComponent(() => import('./CampaignsPage'), 'CampaignsPage'),
});

export const campaignRoutes = [list, create, one];
