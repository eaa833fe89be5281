import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

import { shellRoute } from '../app/shell-route';
import { OUTCOME } from '../campaigns/words';
import { choice, texts } from '../ui/search';
import type { CallFilter } from './queries';
import { CALL } from './words';

const list = createRoute({
  getParentRoute: () => shellRoute,
  path: '/calls',
  // `place` is the agent to place a call with, or any, and `version` which of its versions.
  validateSearch: (
    search: Record<string, unknown>,
  ): CallFilter & { place?: string | undefined; version?: string | undefined } => ({
    ...choice(search, 'status', CALL),
    ...choice(search, 'outcome', OUTCOME),
    ...texts(search, 'number', 'agentId', 'campaignId', 'since', 'until', 'place', 'version'),
  }),
  component: lazyRouteComponent(() => import('./list/CallsPage'), 'CallsPage'),
});
const live = createRoute({
  getParentRoute: () => shellRoute,
  path: '/calls/live',
  component: lazyRouteComponent(() => import('./list/LiveCallsPage'), 'LiveCallsPage'),
});
const one = createRoute({
  getParentRoute: () => shellRoute,
  path: '/calls/$callId',
  component: lazyRouteComponent(() => import('./one/CallPage'), 'CallPage'),
});

export const callRoutes = [list, live, one];
