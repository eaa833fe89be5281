import { QueryClient } from '@tanstack/react-query';
import { createRoute, createRouter, redirect } from '@tanstack/react-router';
import { agentRoutes } from '../agents/routes';
import { asProblem } from '../api/problem';
import { currentSession, onSession } from '../api/session';
import { auditRoutes } from '../audit/routes';
import { authRoutes } from '../auth/routes';
import { callRoutes } from '../calls/routes';
import { campaignRoutes } from '../campaigns/routes';
import { fleetRoutes } from '../fleet/routes';
import { keyRoutes } from '../keys/routes';
import { leadRoutes } from '../leads/routes';
import { memberRoutes } from '../members/routes';
import { suppressionRoutes } from '../suppressions/routes';
import { trunkRoutes } from '../trunks/routes';
import { webhookRoutes } from '../webhooks/routes';
import { workspaceRoutes } from '../workspace/routes';
import { NotFound } from './NotFound';
import { PageError } from './PageError';
import { rootRoute } from './root-route';
import { shellRoute } from './shell-route';

/** How often a question is asked again that failed for a passing reason. */
const RETRIES = 2;

export const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (failures, error) => failures < RETRIES && asProblem(error).isPassing,
    },
  },
});

const home = createRoute({
  getParentRoute: () => rootRoute,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/campaigns' });
  },
});

/** All pages. A feature adds its routes here. */
const routeTree = rootRoute.addChildren([
  home,
  ...authRoutes,
  shellRoute.addChildren([
    ...campaignRoutes,
    ...callRoutes,
    ...fleetRoutes,
    ...suppressionRoutes,
    ...webhookRoutes,
    ...keyRoutes,
    ...memberRoutes,
    ...leadRoutes,
    ...workspaceRoutes,
    ...agentRoutes,
    ...trunkRoutes,
    ...auditRoutes,
  ]),
]);

export const router = createRouter({
  routeTree,
  context: { queries },
  defaultPreload: 'intent',
  defaultPreloadStaleTime: 0,
  defaultPendingMs: 300,
  scrollRestoration: true,
  defaultErrorComponent: PageError,
  defaultNotFoundComponent: NotFound,
});

// Whoever is signed out here, or by the server, sees nothing of what was shown before.
onSession(() => {
  if (currentSession().kind !== 'out') return;
  queries.clear();
  void router.invalidate();
});

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}
