import { createRoute, lazyRouteComponent, redirect } from '@tanstack/react-router';

import { rootRoute } from '../app/root-route';
import { onlySignUp, optionsQuery } from './options';
import { SignInPage } from './SignInPage';

/** Where somebody wanted to go before they had to sign in. */
const wanted = (search: Record<string, unknown>): { to?: string } =>
  typeof search.to === 'string' ? { to: search.to } : {};

const signIn = createRoute({
  getParentRoute: () => rootRoute,
  path: '/sign-in',
  validateSearch: wanted,
  beforeLoad: async ({ context }) => {
    // Before anybody types: where there is no account yet, one is made.
    const options = await context.queries.ensureQueryData(optionsQuery).catch(() => undefined);
    if (onlySignUp(options)) throw redirect({ to: '/sign-up' });
  },
  component: SignInPage,
});
const key = createRoute({
  getParentRoute: () => rootRoute,
  path: '/sign-in/key',
  validateSearch: wanted,
  component: lazyRouteComponent(() => import('./KeyPage'), 'KeyPage'),
});
const signUp = createRoute({
  getParentRoute: () => rootRoute,
  path: '/sign-up',
  component: lazyRouteComponent(() => import('./SignUpPage'), 'SignUpPage'),
});
const forgot = createRoute({
  getParentRoute: () => rootRoute,
  path: '/forgot',
  component: lazyRouteComponent(() => import('./ForgotPage'), 'ForgotPage'),
});
// The two addresses that mails contain: api/src/native/accounts.rs and invites.rs.
const reset = createRoute({
  getParentRoute: () => rootRoute,
  path: '/reset',
  component: lazyRouteComponent(() => import('./ResetPage'), 'ResetPage'),
});
const invite = createRoute({
  getParentRoute: () => rootRoute,
  path: '/invite',
  component: lazyRouteComponent(() => import('./InvitePage'), 'InvitePage'),
});

/** The pages that one sees before one is in. */
export const authRoutes = [signIn, key, signUp, forgot, reset, invite];
