import { createRoute, lazyRouteComponent } from '@tanstack/react-router';

import { shellRoute } from '../app/shell-route';
import { STEPS, type StepName } from './create/steps';
import type { CampaignState, Recipient } from './queries';
import { DISPOSITION, HOLD, RECIPIENT, STATUS } from './words';

type Search = Record<string, unknown>;

/** What stands in the address, if it is one of these. */
const oneOf = <K extends string>(value: unknown, known: Readonly<Record<K, unknown>>): K | undefined =>
  typeof value === 'string' && value in known ? (value as K) : undefined;
// A number in an address is read as one.
const text = (value: unknown): string | undefined =>
  (typeof value === 'string' && value !== '') || typeof value === 'number' ? String(value) : undefined;

const list = createRoute({
  getParentRoute: () => shellRoute,
  path: '/campaigns',
  validateSearch: (search: Search): { status?: CampaignState | undefined; name?: string | undefined } => ({
    status: oneOf(search.status, STATUS),
    name: text(search.name),
  }),
  component: lazyRouteComponent(() => import('./list/CampaignsPage'), 'CampaignsPage'),
});

const create = createRoute({
  getParentRoute: () => shellRoute,
  path: '/campaigns/new',
  validateSearch: (search: Search): { upload?: string | undefined; step?: 'list' | 'agent' | undefined } => ({
    upload: text(search.upload),
    step: search.step === 'agent' ? 'agent' : undefined,
  }),
  component: lazyRouteComponent(() => import('./create/NewCampaignPage'), 'NewCampaignPage'),
});

const setup = createRoute({
  getParentRoute: () => shellRoute,
  path: '/campaigns/$campaignId/setup',
  validateSearch: (search: Search): { step: StepName } => ({
    step: STEPS.find((step) => step === search.step) ?? 'channels',
  }),
  component: lazyRouteComponent(() => import('./create/SetupPage'), 'SetupPage'),
});

const one = createRoute({
  getParentRoute: () => shellRoute,
  path: '/campaigns/$campaignId',
  component: lazyRouteComponent(() => import('./one/CampaignPage'), 'CampaignPage'),
});
const overview = createRoute({
  getParentRoute: () => one,
  path: '/',
  component: lazyRouteComponent(() => import('./one/Overview'), 'Overview'),
});
const settings = createRoute({
  getParentRoute: () => one,
  path: '/settings',
  component: lazyRouteComponent(() => import('./one/SettingsTab'), 'SettingsTab'),
});

/** What narrows the list of recipients. */
export interface RecipientFilter {
  number?: string | undefined;
  state?: Recipient['state'] | undefined;
  disposition?: Exclude<Recipient['disposition'], null | undefined> | undefined;
  hold?: Exclude<Recipient['hold'], null | undefined> | undefined;
  /** The oldest first. */
  oldest?: true | undefined;
}

const recipients = createRoute({
  getParentRoute: () => one,
  path: '/recipients',
  validateSearch: (search: Search): RecipientFilter => ({
    number: text(search.number),
    state: oneOf(search.state, RECIPIENT),
    disposition: oneOf(search.disposition, DISPOSITION),
    hold: oneOf(search.hold, HOLD),
    oldest: search.oldest === true ? true : undefined,
  }),
  component: lazyRouteComponent(() => import('./one/RecipientsTab'), 'RecipientsTab'),
});
const recipient = createRoute({
  getParentRoute: () => recipients,
  path: '/$recipientId',
  component: lazyRouteComponent(() => import('./one/RecipientPanel'), 'RecipientPanel'),
});

export const campaignRoutes = [
  list,
  create,
  setup,
  one.addChildren([overview, settings, recipients.addChildren([recipient])]),
];
