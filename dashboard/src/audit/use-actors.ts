import { useInfiniteQuery } from '@tanstack/react-query';

import { useCan, useMe } from '../api/me';
import { keysQuery } from '../keys/queries';
import { membersQuery } from '../members/queries';
import type { AuditEntry } from './queries';

/** Ringfleet's own id in the log. */
const SYSTEM = 'system';

/** Who may have changed something: to choose from, and by their names. */
export function useActors(): {
  choices: readonly (readonly [id: string, name: string])[];
  nameOf: (actor: AuditEntry['actor']) => string;
} {
  const can = useCan();
  const { workspace } = useMe();
  const members = useInfiniteQuery(membersQuery(workspace.id)).data?.pages.flatMap(({ items }) => items) ?? [];
  const keys =
    useInfiniteQuery({ ...keysQuery, enabled: can('see keys') }).data?.pages.flatMap(({ items }) => items) ?? [];
  return {
    choices: [
      ...members.map(({ id, email }) => [id, email] as const),
      ...keys.map(({ id, name, prefix }) => [id, `${name} (key ${prefix}…)`] as const),
      [SYSTEM, 'Ringfleet itself'],
    ],
    nameOf: ({ kind, id, name }) => {
      if (kind === 'system') return 'Ringfleet itself';
      if (kind === 'user') return name;
      const key = keys.find((it) => it.id === id);
      return key ? `${key.name} (key)` : `key ${name}…`;
    },
  };
}
