import type { components } from '../api/schema';
import type { Tone } from '../ui/Chip';
import { ago, moment } from '../ui/format';
import type { Scope } from './queries';

export type Role = components['schemas']['Role'];

/** Roles, the least first: `meaning` goes on from "An admin …". */
export const ROLE: Readonly<Record<Role, { text: string; one: string; meaning: string }>> = {
  member: {
    text: 'Member',
    one: 'A member',
    meaning: 'sees everything but secrets, drafts agents, runs campaigns, places calls and suppresses numbers',
  },
  developer: {
    text: 'Developer',
    one: 'A developer',
    meaning: 'also publishes agents, makes trunks, webhooks and keys, and sets the calling rules',
  },
  admin: {
    text: 'Admin',
    one: 'An admin',
    meaning: 'may do everything here: also members, the audit log, erasures and the name of the workspace',
  },
};

export const ROLES: readonly Role[] = ['member', 'developer', 'admin'];

/** Roles as a list to choose from, up to one's own. */
export const rolesUpTo = (own: Role): [Role, string][] =>
  ROLES.slice(0, ROLES.indexOf(own) + 1).map((role) => [role, ROLE[role].text]);

/** What a role may, as a sentence. */
export const mayOf = (role: Role): string => `${ROLE[role].one} ${ROLE[role].meaning}.`;

/** What a key may be kept to. */
export const SCOPE: Readonly<Record<Scope, { text: string; meaning: string }>> = {
  read: { text: 'Read', meaning: 'See everything but secrets, keys, invitations and the audit log.' },
  'sessions:write': { text: 'Calls', meaning: 'Run campaigns, place single calls, keep leads, suppress numbers.' },
  'agents:write': { text: 'Agents', meaning: 'Make, change and publish agents, as far as the role lets it.' },
  admin: {
    text: 'Administration',
    meaning: 'Everything else: keys, members, trunks, webhooks, rules, erasures and the audit log.',
  },
};

export const SCOPES = Object.keys(SCOPE) as Scope[];

/** What a key may, in a few words. */
export const scopesOf = (scopes: readonly Scope[] | null | undefined): string =>
  scopes == null ? 'All that its role may' : scopes.map((scope) => SCOPE[scope].text).join(', ');

const DAY = 86_400_000;

/** How long keys last that are made here, in days; the empty one never ends, `at` ends on a day that is chosen. */
export const LIVES: readonly (readonly [value: string, label: string])[] = [
  ['30', '30 days'],
  ['90', '90 days'],
  ['365', 'A year'],
  ['', 'Until it is revoked'],
  ['at', 'Until a day I choose'],
];

/** When a key ends that lives so many days, as the API writes it. */
export const endOf = (days: string, now: Date = new Date()): string | null =>
  days === '' ? null : new Date(now.getTime() + Number(days) * DAY).toISOString();

/** When a key ends, and whether that is soon: within a week. */
export function endWords(
  expiresAt: string | null | undefined,
  now: Date = new Date(),
): { text: string; tone: Tone | null } {
  if (!expiresAt) return { text: 'Never', tone: null };
  const left = new Date(expiresAt).getTime() - now.getTime();
  if (left <= 0) return { text: 'Has ended', tone: 'bad' };
  return left < 7 * DAY
    ? { text: `Ends ${ago(expiresAt, now)}`, tone: 'warn' }
    : { text: moment(expiresAt, now), tone: null };
}

/** A command that shows that a key works. */
export const commandFor = (secret: string, origin: string): string =>
  `curl -H "Authorization: Bearer ${secret}" ${origin}/api/v1/me`;
