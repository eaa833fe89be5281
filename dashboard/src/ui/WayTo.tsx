import type { LinkProps } from '@tanstack/react-router';
import type { ReactNode } from 'react';

import { Button, ButtonLink } from './Button';

/** The primary button of a page, where it leads to another: for those who may not go there one that says why. */
export function WayTo({
  to,
  why,
  children,
}: {
  to: NonNullable<LinkProps['to']>;
  /** As `useWhyNot()` says it. */
  why: string | undefined;
  children: ReactNode;
}) {
  return why === undefined ? (
    <ButtonLink to={to} variant="primary">
      {children}
    </ButtonLink>
  ) : (
    <Button variant="primary" why={why}>
      {children}
    </Button>
  );
}
