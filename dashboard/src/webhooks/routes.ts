import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

import { shellRoute } from '../app/shell-route';
import { choice, texts } from '../ui/search';
import type { DeliveryFilter } from './queries';
import { DELIVERY } from './words';

const list = createRoute({
  getParentRoute: () => shellRoute,
  path: '/webhooks',
  component: lazyRouteComponent(() => import('./WebhooksPage'), 'WebhooksPage'),
});
const one = createRoute({
  getParentRoute: () => shellRoute,
  path: '/webhooks/$webhookId',
  validateSearch: (search: Record<string, unknown>): DeliveryFilter => ({
    ...choice(search, 'status', DELIVERY),
    ...texts(search, 'event', 'since', 'until'),
  }),
  component: lazyRouteComponent(() => import('./WebhookPage'), 'WebhookPage'),
});
const delivery = createRoute({
  getParentRoute: () => one,
  path: '/$deliveryId',
  component: lazyRouteComponent(() => import('./DeliveryPanel'), 'DeliveryPanel'),
});

export const webhookRoutes = [list, one.addChildren([delivery])];
