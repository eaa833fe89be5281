import type { LinkProps } from '@tanstack/react-router';
import {
  Ban,
  Bot,
  Cable,
  Contact,
  KeyRound,
  Megaphone,
  Phone,
  ScrollText,
  Server,
  SlidersHorizontal,
  Users,
  Webhook,
} from 'lucide-react';
import type { ComponentType } from 'react';

import type { Action } from '../api/me';

/** A page of the menu at the side. */
export interface NavItem {
  to: NonNullable<LinkProps['to']>;
  label: string;
  icon: ComponentType<{ 'aria-hidden': true }>;
  /** Left out for those who may not see it. */
  needs?: Action;
}

/** The menu at the side, in groups. A feature adds its line here. */
export const NAV: readonly { name: string; items: readonly NavItem[] }[] = [
  {
    name: 'Calling',
    items: [
      { to: '/campaigns', label: 'Campaigns', icon: Megaphone },
      { to: '/calls', label: 'Calls', icon: Phone },
      { to: '/agents', label: 'Agents', icon: Bot },
      { to: '/leads', label: 'Leads', icon: Contact },
      { to: '/suppressions', label: 'Suppressions', icon: Ban },
    ],
  },
  {
    name: 'Connecting',
    items: [
      { to: '/webhooks', label: 'Webhooks', icon: Webhook },
      { to: '/keys', label: 'API keys', icon: KeyRound, needs: 'see keys' },
    ],
  },
  {
    name: 'Workspace',
    items: [
      { to: '/members', label: 'Members', icon: Users },
      { to: '/workspace', label: 'Rules', icon: SlidersHorizontal },
      { to: '/audit', label: 'Audit log', icon: ScrollText, needs: 'read the audit log' },
    ],
  },
  {
    name: 'Running',
    items: [
      { to: '/trunks', label: 'Trunks', icon: Cable },
      { to: '/fleet', label: 'Fleet', icon: Server, needs: 'see the fleet' },
    ],
  },
];
