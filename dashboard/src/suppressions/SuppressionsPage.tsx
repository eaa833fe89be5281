import { useQueryClient } from '@tanstack/react-query';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { Ban, FileUp, Plus } from 'lucide-react';
import { useState } from 'react';

import { useWhyNot } from '../api/me';
import { asProblem } from '../api/problem';
import { CHANNEL } from '../campaigns/words';
import { Button } from '../ui/Button';
import { Chip } from '../ui/Chip';
import { Confirm } from '../ui/Dialog';
import { EmptyState } from '../ui/EmptyState';
import { Filters } from '../ui/Filters';
import { moment } from '../ui/format';
import { Card, Page } from '../ui/Page';
import { PhoneFilter } from '../ui/PhoneFilter';
import { toast } from '../ui/toast';
import { usePages } from '../ui/use-pages';
import { type VirtualColumn, VirtualTable } from '../ui/VirtualTable';
import { AddDialog } from './AddDialog';
import { ImportDialog } from './ImportDialog';
import { ListTabs } from './ListTabs';
import { type Suppression, suppressionsPage, unsuppress } from './queries';
import { isOver, SOURCE, whatRemovingMeans } from './words';

/** Numbers that must not be called or written to. */
export function SuppressionsPage() {
  const { number } = useSearch({ from: '/shell/suppressions' });
  const navigate = useNavigate({ from: '/suppressions' });
  const [open, setOpen] = useState<'add' | 'import' | null>(null);
  const why = useWhyNot()('suppress numbers');
  return (
    <Page
      title="Suppressions"
      lead="Nobody on this list is called or written to by any campaign, from the moment they are on it."
      actions={
        <>
          <Button why={why} onClick={() => setOpen('import')}>
            <FileUp aria-hidden />
            Import a file
          </Button>
          <Button variant="primary" why={why} onClick={() => setOpen('add')}>
            <Plus aria-hidden />
            Add a number
          </Button>
        </>
      }
    >
      <ListTabs />
      <Filters>
        <PhoneFilter
          value={number ?? ''}
          onChange={(wanted) => navigate({ search: { number: wanted }, replace: true })}
        />
      </Filters>
      <Card isFlush>
        <Entries key={number ?? ''} number={number} />
      </Card>
      {open === 'add' && <AddDialog onClose={() => setOpen(null)} />}
      {open === 'import' && <ImportDialog onClose={() => setOpen(null)} />}
    </Page>
  );
}

function Entries({ number }: { number: string | undefined }) {
  const [asked, setAsked] = useState<Suppression | null>(null);
  // To the API taking a number off is one of the rules of the workspace.
  const why = useWhyNot()('edit rules')?.replace('edit rules', 'take numbers off this list');
  const cache = useQueryClient();
  const list = usePages({
    queryKey: ['suppressions', 'list', number ?? null],
    fetchPage: (cursor, signal) => suppressionsPage(number, cursor, signal),
  });
  const empty = number ? (
    <EmptyState title="This number is not on the list">Campaigns may call it, as far as this list goes.</EmptyState>
  ) : (
    <EmptyState icon={Ban} title="Nobody is on the list">
      Whoever answers STOP gets on it by themselves; add others here, or import a list you have.
    </EmptyState>
  );
  const columns: VirtualColumn<Suppression>[] = [
    { name: 'Number', width: 'minmax(9rem, 1fr)', cell: (entry) => entry.number },
    { name: 'Not by', width: '8rem', cell: ({ channel }) => (channel ? CHANNEL[channel] : 'any channel') },
    {
      name: 'From',
      width: '9rem',
      cell: ({ source }) => <Chip tone={SOURCE[source].tone}>{SOURCE[source].text}</Chip>,
    },
    { name: 'Reason', width: 'minmax(9rem, 1.4fr)', cell: ({ reason }) => reason || '–' },
    { name: 'Since', width: '9.5rem', cell: ({ createdAt }) => moment(createdAt) },
    { name: 'Until', width: '9.5rem', cell: (entry) => <Until of={entry} /> },
    {
      name: 'What can be done',
      isUnnamed: true,
      width: '5.5rem',
      cell: (entry) => (
        <Button variant="quiet" why={why} onClick={() => setAsked(entry)}>
          Remove<span className="unseen"> {entry.number}</span>
        </Button>
      ),
    },
  ];
  return (
    <>
      <VirtualTable caption="Suppressions" columns={columns} list={list} keyOf={({ id }) => id} empty={empty} />
      {asked && (
        <Confirm
          title={`Take ${asked.number} off the list?`}
          confirm="Take it off the list"
          isDangerous={asked.source === 'STOP'}
          onClose={() => setAsked(null)}
          onConfirm={async () => {
            await unsuppress(asked.id).catch(unlessGone);
            toast(`${asked.number} is off the list`);
            await cache.invalidateQueries({ queryKey: ['suppressions'] });
          }}
        >
          {whatRemovingMeans(asked)}
        </Confirm>
      )}
    </>
  );
}

function Until({ of }: { of: Suppression }) {
  if (!of.expiresAt) return 'for good';
  return isOver(of) ? <Chip>over since {moment(of.expiresAt)}</Chip> : moment(of.expiresAt);
}

/** Somebody else has taken it off meanwhile, which is what was wanted. */
function unlessGone(error: unknown): void {
  if (asProblem(error).status !== 404) throw error;
}
