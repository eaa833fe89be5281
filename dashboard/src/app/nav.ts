import type { LinkProps } from '@tanstack/react-router';
import { Megaphone, Phone, Server } from 'lucide-react';
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
    ],
  },
  { name: 'Running', items: [{ to: '/fleet', label: 'Fleet', icon: Server, needs: 'see the fleet' }] },
];
