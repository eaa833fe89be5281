import { useInfiniteQuery } from '@tanstack/react-query';
import { UserX } from 'lucide-react';
import { useState } from 'react';

import { useWhyNot } from '../api/me';
import { Button } from '../ui/Button';
import { Chip } from '../ui/Chip';
import { Dialog } from '../ui/Dialog';
import { EmptyState } from '../ui/EmptyState';
import { count, moment } from '../ui/format';
import { Note } from '../ui/Note';
import { Page } from '../ui/Page';
import { PageCard, rowsOf } from '../ui/PageCard';
import { Facts } from '../ui/Stat';
import { type Column, Table } from '../ui/Table';
import { EraseDialog } from './EraseDialog';
import { ListTabs } from './ListTabs';
import { type Erasure, erasuresQuery } from './queries';
import { ERASURE, erased } from './words';

/** Who was erased, and what of them. */
export function ErasuresPage() {
  const whyNot = useWhyNot();
  const hidden = whyNot('see erasures');
  const [isAsking, setAsking] = useState(false);
  return (
    <Page
      title="Erasures"
      lead="Whoever asks to be forgotten is: everything that is kept of their number is emptied or deleted, and a receipt says what."
      actions={
        <Button why={whyNot('erase people')} onClick={() => setAsking(true)}>
          <UserX aria-hidden />
          Erase a person
        </Button>
      }
    >
      <ListTabs />
      {hidden === undefined ? <Receipts /> : <Note>{hidden}</Note>}
      {isAsking && <EraseDialog onClose={() => setAsking(false)} />}
    </Page>
  );
}

function Receipts() {
  const list = useInfiniteQuery(erasuresQuery);
  const [open, setOpen] = useState<string | null>(null);
  const erasures = rowsOf(list);
  const shown = erasures.find(({ id }) => id === open);
  const columns: Column<Erasure>[] = [
    { name: 'Asked for', cell: ({ requestedAt }) => moment(requestedAt) },
    { name: 'State', cell: ({ status }) => <Chip tone={ERASURE[status].tone}>{ERASURE[status].text}</Chip> },
    { name: 'Reason', isWide: true, cell: ({ reason }) => reason ?? '–' },
    { name: 'Kept out', isWide: true, cell: ({ bars }) => (bars ? 'yes, by a hash' : 'no') },
    {
      name: 'Receipt',
      isUnnamed: true,
      isNumber: true,
      cell: ({ id, requestedAt }) => (
        <Button variant="quiet" onClick={() => setOpen(id)}>
          Receipt<span className="unseen"> of {moment(requestedAt)}</span>
        </Button>
      ),
    },
  ];
  return (
    <>
      <PageCard list={list} lines={3}>
        {erasures.length > 0 ? (
          <Table caption="Erasures" columns={columns} rows={erasures} keyOf={({ id }) => id} />
        ) : (
          <EmptyState icon={UserX} title="Nobody was erased yet">
            When somebody asks to be forgotten, enter their number here.
          </EmptyState>
        )}
      </PageCard>
      {shown && <Receipt of={shown} onClose={() => setOpen(null)} />}
    </>
  );
}

function Receipt({ of, onClose }: { of: Erasure; onClose: () => void }) {
  const found = erased(of.erased);
  return (
    <Dialog title="Receipt" onClose={onClose} isSide>
      <Facts
        facts={[
          ['Id', <code key="id">{of.id}</code>],
          ['Person, as a keyed hash', <code key="person">{of.person}</code>],
          ['State', ERASURE[of.status].text],
          ['Asked for', moment(of.requestedAt)],
          ...(of.finishedAt ? [['Finished', moment(of.finishedAt)] as const] : []),
          ['Kept out from now on', of.bars ? 'Yes, by the hash alone' : 'No'],
        ]}
      />
      <h3>What was erased</h3>
      {found.length === 0 ? <p>Nothing was found.</p> : <Facts facts={found.map(([what, n]) => [what, count(n)])} />}
      {of.keptBecause.length > 0 && (
        <>
          <h3>What is kept, and why</h3>
          <Facts facts={of.keptBecause.map(({ what, why }) => [what, why])} />
        </>
      )}
    </Dialog>
  );
}
