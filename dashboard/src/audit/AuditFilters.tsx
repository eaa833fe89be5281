import { Select } from '../ui/Field';
import { Filters } from '../ui/Filters';
import { MomentField } from '../ui/MomentField';
import { WholeFilter } from '../ui/WholeFilter';
import type { AuditFilter } from './queries';
import { useActors } from './use-actors';
import { actionChoices } from './words';

/** What narrows the log. */
export function AuditFilters({ filter, set }: { filter: AuditFilter; set: (changes: AuditFilter) => void }) {
  const { choices } = useActors();
  const { actor, action, target, since, until } = filter;
  // Somebody who has gone since, or a key that was revoked, is still in the log.
  const isGone = actor !== undefined && !choices.some(([id]) => id === actor);
  return (
    <Filters>
      <Select
        label="What"
        value={action ?? ''}
        onChange={(chosen) => set({ action: chosen || undefined })}
        options={[['', 'Any change'], ...actionChoices(action)]}
      />
      <Select
        label="Who"
        value={actor ?? ''}
        onChange={(chosen) => set({ actor: chosen || undefined })}
        options={[['', 'Anybody'], ...choices, ...(isGone ? [[actor, actor] as const] : [])]}
      />
      <WholeFilter
        key={target ?? ''}
        label="To what"
        placeholder="An id, like cmp_…"
        value={target}
        onChange={(id) => set({ target: id })}
      />
      <MomentField label="From" value={since} onChange={(at) => set({ since: at })} />
      <MomentField label="Until" value={until} onChange={(at) => set({ until: at })} />
    </Filters>
  );
}
