import { Link } from '@tanstack/react-router';

import { EmptyState } from '../ui/EmptyState';

/** For addresses of no page. */
export function NotFound() {
  return (
    <EmptyState title="There is no such page" action={<Link to="/campaigns">To the campaigns</Link>}>
      The address may be mistyped, or what it showed is gone.
    </EmptyState>
  );
}
