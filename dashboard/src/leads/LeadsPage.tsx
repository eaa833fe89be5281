import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { Contact, FileUp, Plus } from 'lucide-react';
import { type ReactNode, useState } from 'react';

import { useWhyNot } from '../api/me';
import { CHANNEL } from '../campaigns/words';
import { Button } from '../ui/Button';
import { Chip } from '../ui/Chip';
import { EmptyState } from '../ui/EmptyState';
import { Filters } from '../ui/Filters';
import { moment } from '../ui/format';
import { Card, Page } from '../ui/Page';
import { PhoneFilter } from '../ui/PhoneFilter';
import { usePages } from '../ui/use-pages';
import { type VirtualColumn, VirtualTable } from '../ui/VirtualTable';
import { WholeFilter } from '../ui/WholeFilter';
import { written } from './attributes';
import { BulkDialog } from './BulkDialog';
import { LeadDialog } from './LeadDialog';
import { type Lead, type LeadFilter, leadsPage } from './queries';

/** People the workspace knows, across campaigns. */
export function LeadsPage() {
  const filter = useSearch({ from: '/shell/leads' });
  const navigate = useNavigate({ from: '/leads' });
  const why = useWhyNot()('run campaigns');
  const [open, setOpen] = useState<'one' | 'many' | null>(null);
  const set = (changes: LeadFilter) => navigate({ search: { ...filter, ...changes }, replace: true });
  const make = (
    <Button variant="primary" why={why} onClick={() => setOpen('one')}>
      <Plus aria-hidden />
      New lead
    </Button>
  );
  const upload = (
    <Button why={why} onClick={() => setOpen('many')}>
      <FileUp aria-hidden />
      Upload a file
    </Button>
  );
  return (
    <Page
      title="Leads"
      lead="People the workspace knows, across campaigns: one for each number."
      actions={
        <>
          {upload}
          {make}
        </>
      }
    >
      <Filters>
        <PhoneFilter value={filter.number ?? ''} onChange={(number) => set({ number })} />
        <WholeFilter
          label="E-mail"
          placeholder="The whole address"
          value={filter.email}
          onChange={(email) => set({ email })}
        />
      </Filters>
      <Card isFlush>
        <List key={JSON.stringify(filter)} filter={filter} begin={make} />
      </Card>
      {open === 'many' && <BulkDialog onClose={() => setOpen(null)} />}
      {open === 'one' && (
        <LeadDialog
          onSaved={({ id }) => navigate({ to: '/leads/$leadId', params: { leadId: id } })}
          onClose={() => setOpen(null)}
        />
      )}
    </Page>
  );
}

function List({ filter, begin }: { filter: LeadFilter; begin: ReactNode }) {
  const list = usePages({
    queryKey: ['leads', 'list', filter],
    fetchPage: (cursor, signal) => leadsPage(filter, cursor, signal),
  });
  const empty =
    Object.keys(filter).length > 0 ? (
      <EmptyState title="No lead is like this">Look for another number or address.</EmptyState>
    ) : (
      <EmptyState icon={Contact} title="No leads yet" action={begin}>
        Whoever writes back becomes one. Add others here, one by one or from a file, or over the API.
      </EmptyState>
    );
  return <VirtualTable caption="Leads" columns={COLUMNS} list={list} keyOf={({ id }) => id} empty={empty} />;
}

const COLUMNS: VirtualColumn<Lead>[] = [
  {
    name: 'Number',
    width: 'minmax(9rem, 1fr)',
    cell: ({ id, number }) => (
      <Link to="/leads/$leadId" params={{ leadId: id }} data-row>
        {number}
      </Link>
    ),
  },
  { name: 'E-mail', width: 'minmax(9rem, 1.2fr)', cell: ({ email }) => email ?? '–' },
  { name: 'Attributes', width: 'minmax(9rem, 1.6fr)', cell: ({ attributes }) => inShort(attributes) },
  {
    name: 'Opted out',
    width: '8rem',
    cell: ({ optOuts }) => (optOuts.length > 0 ? <Chip tone="warn">{optedOut(optOuts)}</Chip> : '–'),
  },
  { name: 'Changed', width: '9.5rem', cell: ({ updatedAt }) => moment(updatedAt) },
];

const optedOut = (optOuts: Lead['optOuts']): string =>
  optOuts.some(({ channel }) => channel == null)
    ? 'of everything'
    : optOuts.map(({ channel }) => (channel ? CHANNEL[channel] : '')).join(', ');

function inShort(attributes: unknown): string {
  const entries = Object.entries((attributes ?? {}) as Record<string, unknown>);
  return entries.map(([name, value]) => `${name}: ${written(value)}`).join(', ') || '–';
}
