import { Link } from '@tanstack/react-router';

import type { AuditEntry } from './queries';
import { pageOf, targetOf } from './words';

/** What was changed, and the way to it where it can be seen. */
export function TargetLink({ entry }: { entry: AuditEntry }) {
  const name = targetOf(entry);
  if (name === null) return '–';
  const page = pageOf(entry.target);
  const id = entry.target?.id;
  return page ? (
    <Link to={page} title={id}>
      {name}
    </Link>
  ) : (
    <span title={id}>{name}</span>
  );
}
