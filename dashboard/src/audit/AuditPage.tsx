import { useNavigate, useSearch } from '@tanstack/react-router';
import { ScrollText } from 'lucide-react';
import { useState } from 'react';

import { useWhyNot } from '../api/me';
import { EmptyState } from '../ui/EmptyState';
import { moment } from '../ui/format';
import { Note } from '../ui/Note';
import { Card, Page } from '../ui/Page';
import { usePages } from '../ui/use-pages';
import { type VirtualColumn, VirtualTable } from '../ui/VirtualTable';
import styles from './Audit.module.css';
import { AuditFilters } from './AuditFilters';
import { Entry } from './Entry';
import { type AuditEntry, type AuditFilter, auditPage } from './queries';
import { TargetLink } from './TargetLink';
import { useActors } from './use-actors';
import { actionOf } from './words';

/** Who changed what. */
export function AuditPage() {
  const filter = useSearch({ from: '/shell/audit' });
  const navigate = useNavigate({ from: '/audit' });
  const hidden = useWhyNot()('read the audit log');
  const set = (changes: AuditFilter) => navigate({ search: { ...filter, ...changes }, replace: true });
  return (
    <Page
      title="Audit log"
      lead="Every change, by whom and when. An entry is written with its change: there is none without the other. What was refused has changed nothing and is not here."
    >
      {hidden !== undefined ? (
        <Note>{hidden}</Note>
      ) : (
        <>
          <AuditFilters filter={filter} set={set} />
          <Card isFlush>
            <Entries key={JSON.stringify(filter)} filter={filter} set={set} />
          </Card>
        </>
      )}
    </Page>
  );
}

function Entries({ filter, set }: { filter: AuditFilter; set: (changes: AuditFilter) => void }) {
  const [open, setOpen] = useState<AuditEntry | null>(null);
  const { nameOf } = useActors();
  const list = usePages({
    queryKey: ['audit', 'list', filter],
    fetchPage: (cursor, signal) => auditPage(filter, cursor, signal),
  });
  const empty =
    Object.keys(filter).length > 0 ? (
      <EmptyState title="No change is like this">Look for another change, person, thing or time.</EmptyState>
    ) : (
      <EmptyState icon={ScrollText} title="Nothing was changed yet">
        Whoever makes, changes or deletes something here is noted.
      </EmptyState>
    );
  const columns: VirtualColumn<AuditEntry>[] = [
    {
      name: 'What',
      width: 'minmax(8.5rem, 1.2fr)',
      cell: (entry) => (
        <button type="button" className={styles.open} onClick={() => setOpen(entry)}>
          {actionOf(entry.action)}
        </button>
      ),
    },
    { name: 'Who', width: 'minmax(5rem, 1fr)', cell: ({ actor }) => nameOf(actor) },
    { name: 'To what', width: 'minmax(10rem, 1.2fr)', isWide: true, cell: (entry) => <TargetLink entry={entry} /> },
    { name: 'When', width: 'minmax(5rem, 8rem)', cell: ({ at }) => moment(at) },
  ];
  return (
    <>
      <VirtualTable
        caption="Changes"
        columns={columns}
        list={list}
        keyOf={({ id }) => id}
        empty={empty}
        isCurrent={({ id }) => id === open?.id}
      />
      {open && <Entry entry={open} onNarrow={set} onClose={() => setOpen(null)} />}
    </>
  );
}
