import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Cable, Plus } from 'lucide-react';
import { useState } from 'react';

import { useWhyNot } from '../api/me';
import { Button, ButtonLink } from '../ui/Button';
import { EmptyState } from '../ui/EmptyState';
import { count, counted, rate } from '../ui/format';
import { ErrorNote } from '../ui/Note';
import { Card, Page } from '../ui/Page';
import { Skeleton } from '../ui/Skeleton';
import { type Column, Table } from '../ui/Table';
import { GroupDialog } from './GroupDialog';
import { HealthCell } from './HealthCell';
import { type Trunk, type TrunkGroup, trunkGroupsQuery, trunksQuery } from './queries';
import { KIND } from './words';

/** How often health is looked at, in milliseconds. */
const LOOK = 5_000;

/** What places calls and sends messages, and which of them stand in for each other. */
export function TrunksPage() {
  const trunks = useQuery({ ...trunksQuery, refetchInterval: LOOK });
  return (
    <Page
      title="Trunks"
      lead="What places the calls, and what sends the messages: a carrier or provider, with the limits agreed with it."
      actions={<Make />}
    >
      <ErrorNote error={trunks.error} onRetry={() => trunks.refetch()} />
      {trunks.isPending && (
        <Card>
          <Skeleton lines={4} />
        </Card>
      )}
      {trunks.data && (
        <Card isFlush>
          {trunks.data.items.length > 0 ? (
            <Table caption="Trunks" columns={COLUMNS} rows={trunks.data.items} keyOf={({ id }) => id} />
          ) : (
            <EmptyState icon={Cable} title="No trunks yet" action={<Make />}>
              Connect a carrier, or make a simulated one first, which calls nobody.
            </EmptyState>
          )}
        </Card>
      )}
      {trunks.data && trunks.data.items.length > 0 && <Groups trunks={trunks.data.items} />}
    </Page>
  );
}

function Make() {
  const why = useWhyNot()('edit trunks');
  const words = (
    <>
      <Plus aria-hidden />
      New trunk
    </>
  );
  if (why !== undefined) {
    return (
      <Button variant="primary" why={why}>
        {words}
      </Button>
    );
  }
  return (
    <ButtonLink to="/trunks/new" variant="primary">
      {words}
    </ButtonLink>
  );
}

const COLUMNS: Column<Trunk>[] = [
  {
    name: 'Name',
    cell: ({ id, name }) => (
      <Link to="/trunks/$trunkId" params={{ trunkId: id }} data-row>
        {name}
      </Link>
    ),
  },
  { name: 'Kind', cell: ({ kind }) => KIND[kind].text },
  { name: 'Health', cell: ({ health }) => <HealthCell health={health} /> },
  { name: 'Shows', isWide: true, cell: shows },
  {
    name: 'Begins at most',
    isNumber: true,
    isWide: true,
    cell: ({ limits }) => (limits.callsPerSecond ? rate(limits.callsPerSecond) : 'as fast as it can'),
  },
  {
    name: 'Live at most',
    isNumber: true,
    isWide: true,
    cell: ({ limits }) => (limits.maxLiveCalls ? count(limits.maxLiveCalls) : 'any number'),
  },
];

/** The number, or how many of them. */
function shows({ callerId, callerIds }: Trunk): string {
  return callerIds ? counted(callerIds.numbers.length, 'number') : (callerId ?? '–');
}

function Groups({ trunks }: { trunks: readonly Trunk[] }) {
  const groups = useQuery(trunkGroupsQuery);
  const [isMaking, setMaking] = useState(false);
  const why = useWhyNot()('edit trunks');
  const names = new Map(trunks.map(({ id, name }) => [id as string, name]));
  const columns: Column<TrunkGroup>[] = [
    { name: 'Name', cell: ({ name }) => <b>{name}</b> },
    { name: 'Trunks, the first one first', cell: ({ members }) => inOrder(members, names) },
  ];
  const items = groups.data?.items ?? [];
  return (
    <Card
      title="Groups"
      isFlush
      actions={
        <Button why={why} onClick={() => setMaking(true)}>
          <Plus aria-hidden />
          New group
        </Button>
      }
    >
      <ErrorNote error={groups.error} onRetry={() => groups.refetch()} />
      {items.length > 0 ? (
        <Table caption="Groups of trunks" columns={columns} rows={items} keyOf={({ id }) => id} />
      ) : (
        <EmptyState title="No groups yet">
          Trunks of a group stand in for each other: when one is in trouble or full, calls go by the next.
        </EmptyState>
      )}
      {isMaking && <GroupDialog trunks={trunks} onClose={() => setMaking(false)} />}
    </Card>
  );
}

function inOrder(members: TrunkGroup['members'], names: ReadonlyMap<string, string>): string {
  const sorted = [...members].sort((a, b) => (a.priority ?? 0) - (b.priority ?? 0));
  return sorted.map(({ trunkId }) => names.get(trunkId) ?? trunkId).join(', ');
}
