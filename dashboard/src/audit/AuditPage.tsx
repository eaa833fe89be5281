import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { ScrollText } from 'lucide-react';
import { useState } from 'react';

import { useWhyNot } from '../api/me';
import { Button } from '../ui/Button';
import { Code } from '../ui/Code';
import { Dialog } from '../ui/Dialog';
import { EmptyState } from '../ui/EmptyState';
import { TextField } from '../ui/Field';
import { Filters } from '../ui/Filters';
import { exactMoment, moment } from '../ui/format';
import { MomentField } from '../ui/MomentField';
import { Note } from '../ui/Note';
import { Card, Page } from '../ui/Page';
import { Facts } from '../ui/Stat';
import { usePages } from '../ui/use-pages';
import { type VirtualColumn, VirtualTable } from '../ui/VirtualTable';
import { type AuditEntry, type AuditFilter, auditPage } from './queries';
import { actionOf, pageOf } from './words';

/** Who changed what. */
export function AuditPage() {
  const filter = useSearch({ from: '/shell/audit' });
  const navigate = useNavigate({ from: '/audit' });
  const hidden = useWhyNot()('read the audit log');
  const set = (changes: AuditFilter) => navigate({ search: { ...filter, ...changes }, replace: true });
  return (
    <Page
      title="Audit log"
      lead="Every change, by whom and when. An entry is written with its change: there is none without the other."
    >
      {hidden !== undefined ? (
        <Note>{hidden}</Note>
      ) : (
        <>
          <Filters>
            <Narrow
              label="What"
              hint="Like campaign.start."
              value={filter.action}
              onChange={(action) => set({ action })}
            />
            <Narrow
              label="Who"
              hint="The id of a key or user."
              value={filter.actor}
              onChange={(actor) => set({ actor })}
            />
            <Narrow
              label="To what"
              hint="The id of a thing."
              value={filter.target}
              onChange={(target) => set({ target })}
            />
            <MomentField label="From" value={filter.since} onChange={(since) => set({ since })} />
            <MomentField label="Until" value={filter.until} onChange={(until) => set({ until })} />
          </Filters>
          <Card isFlush>
            <Entries key={JSON.stringify(filter)} filter={filter} />
          </Card>
        </>
      )}
    </Page>
  );
}

/** Narrows the list when it is left, or on Enter: half an id finds nothing. */
function Narrow({
  label,
  hint,
  value,
  onChange,
}: {
  label: string;
  hint: string;
  value: string | undefined;
  onChange: (value: string | undefined) => void;
}) {
  const [text, setText] = useState(value ?? '');
  const done = () => {
    if (text.trim() !== (value ?? '')) onChange(text.trim() || undefined);
  };
  return (
    <TextField
      label={label}
      type="search"
      hint={hint}
      value={text}
      onChange={setText}
      onBlur={done}
      onKeyDown={(event) => {
        if (event.key === 'Enter') done();
      }}
    />
  );
}

function Entries({ filter }: { filter: AuditFilter }) {
  const [open, setOpen] = useState<AuditEntry | null>(null);
  const list = usePages({
    queryKey: ['audit', 'list', filter],
    fetchPage: (cursor, signal) => auditPage(filter, cursor, signal),
  });
  const empty =
    Object.keys(filter).length > 0 ? (
      <EmptyState title="No change is like this">Look for another id, action or time.</EmptyState>
    ) : (
      <EmptyState icon={ScrollText} title="Nothing was changed yet">
        Whoever makes, changes or deletes something here is noted.
      </EmptyState>
    );
  const columns: VirtualColumn<AuditEntry>[] = [
    {
      name: 'What',
      width: 'minmax(10rem, 1fr)',
      cell: (entry) => (
        <Button variant="quiet" onClick={() => setOpen(entry)}>
          {actionOf(entry.action)}
        </Button>
      ),
    },
    { name: 'Who', width: 'minmax(9rem, 1fr)', cell: ({ actor }) => whoOf(actor) },
    { name: 'To what', width: 'minmax(10rem, 1.4fr)', cell: ({ target }) => <Target target={target} /> },
    { name: 'When', width: '9.5rem', cell: ({ at }) => moment(at) },
  ];
  return (
    <>
      <VirtualTable caption="Changes" columns={columns} list={list} keyOf={({ id }) => id} empty={empty} />
      {open && (
        <Dialog title={actionOf(open.action)} isSide onClose={() => setOpen(null)}>
          <Facts
            facts={[
              ['Action', <code key="action">{open.action}</code>],
              ['Who', whoOf(open.actor)],
              ['Their id', <code key="actor">{open.actor.id}</code>],
              ['To what', <Target key="target" target={open.target} />],
              ['When', exactMoment(open.at)],
              ...(open.requestId ? [['Request', <code key="request">{open.requestId}</code>] as const] : []),
            ]}
          />
          <h3>What has changed</h3>
          <Code text={JSON.stringify(open.detail, null, 2)} label="What has changed" />
        </Dialog>
      )}
    </>
  );
}

const whoOf = ({ kind, name }: AuditEntry['actor']): string =>
  kind === 'system' ? 'Ringfleet itself' : kind === 'key' ? `key ${name}…` : name;

function Target({ target }: { target: AuditEntry['target'] }) {
  if (!target) return '–';
  const page = pageOf(target);
  const name = `${target.kind.replaceAll('_', ' ')} …${target.id.slice(-6)}`;
  return page ? (
    <Link to={page} title={target.id}>
      {name}
    </Link>
  ) : (
    <span title={target.id}>{name}</span>
  );
}
