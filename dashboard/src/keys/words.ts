import type { components } from '../api/schema';
import type { Scope } from './queries';

export type Role = components['schemas']['Role'];

/** Roles, the least first, with what each may. */
export const ROLE: Readonly<Record<Role, { text: string; meaning: string }>> = {
  member: { text: 'Member', meaning: 'runs campaigns, drafts agents, adds suppressions' },
  developer: { text: 'Developer', meaning: 'also publishes agents, and has trunks, webhooks, keys and rules in hand' },
  admin: { text: 'Admin', meaning: 'also has members, the audit log, the fleet and erasures in hand' },
};

export const ROLES: readonly Role[] = ['member', 'developer', 'admin'];

/** Roles as a list to choose from, up to one's own. */
export const rolesUpTo = (own: Role): [Role, string][] =>
  ROLES.slice(0, ROLES.indexOf(own) + 1).map((role) => [role, `${ROLE[role].text}: ${ROLE[role].meaning}`]);

/** What a key may be kept to. */
export const SCOPE: Readonly<Record<Scope, { text: string; meaning: string }>> = {
  read: { text: 'Read', meaning: 'See everything but secrets.' },
  'sessions:write': { text: 'Calls', meaning: 'Run campaigns, place calls, add suppressions.' },
  'agents:write': { text: 'Agents', meaning: 'Change and publish agents.' },
  admin: { text: 'Administration', meaning: 'Trunks, webhooks, keys, members and rules.' },
};

export const SCOPES = Object.keys(SCOPE) as Scope[];

/** What a key may, in a few words. */
export const scopesOf = (scopes: readonly Scope[] | null | undefined): string =>
  scopes == null ? 'all that its role may' : scopes.map((scope) => SCOPE[scope].text).join(', ');
