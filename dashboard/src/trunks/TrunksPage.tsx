import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Cable, Plus } from 'lucide-react';
import { useState } from 'react';

import { useWhyNot } from '../api/me';
import { Button } from '../ui/Button';
import { EmptyState } from '../ui/EmptyState';
import { counted, rate } from '../ui/format';
import { ErrorNote } from '../ui/Note';
import { Card, Page } from '../ui/Page';
import { PageCard, rowsOf } from '../ui/PageCard';
import { Skeleton } from '../ui/Skeleton';
import { type Column, Table } from '../ui/Table';
import { WayTo } from '../ui/WayTo';
import { GroupDialog } from './GroupDialog';
import { placesOf } from './group';
import { HealthCell } from './HealthCell';
import { LOOK, type Trunk, type TrunkGroup, trunkGroupPages, trunkPages, useLiveCounts } from './queries';
import { KIND, liveOf } from './words';

/** What places calls and sends messages, and which of them stand in for each other. */
export function TrunksPage() {
  const list = useInfiniteQuery({ ...trunkPages, refetchInterval: LOOK });
  const trunks = rowsOf(list);
  const live = useLiveCounts(trunks);
  return (
    <Page
      title="Trunks"
      lead="What places the calls, and what sends the messages: a carrier or provider, with the limits agreed with it."
      actions={<Make />}
    >
      <PageCard list={list}>
        {trunks.length > 0 ? (
          <Table caption="Trunks" columns={columns(live)} rows={trunks} keyOf={({ id }) => id} />
        ) : (
          <EmptyState icon={Cable} title="No trunks yet" action={<Make />}>
            Connect a carrier, or make a simulated one first, which calls nobody.
          </EmptyState>
        )}
      </PageCard>
      {trunks.length > 0 && <Groups trunks={trunks} />}
    </Page>
  );
}

function Make() {
  const why = useWhyNot()('edit trunks');
  return (
    <WayTo to="/trunks/new" why={why}>
      <Plus aria-hidden />
      New trunk
    </WayTo>
  );
}

const columns = (live: ReadonlyMap<string, number>): Column<Trunk>[] => [
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
  { name: 'Live', isNumber: true, cell: ({ id, limits }) => liveOf(live.get(id), limits.maxLiveCalls) },
];

/** The number, or how many of them. */
function shows({ callerId, callerIds }: Trunk): string {
  return callerIds ? counted(callerIds.numbers.length, 'number') : (callerId ?? '–');
}

function Groups({ trunks }: { trunks: readonly Trunk[] }) {
  const groups = useInfiniteQuery(trunkGroupPages);
  const [isMaking, setMaking] = useState(false);
  const why = useWhyNot()('edit trunks');
  const names = new Map(trunks.map(({ id, name }) => [id as string, name]));
  const columns: Column<TrunkGroup>[] = [
    {
      name: 'Name',
      cell: ({ id, name }) => (
        <Link to="/trunks/groups/$groupId" params={{ groupId: id }} data-row>
          {name}
        </Link>
      ),
    },
    { name: 'Trunks, the first one first', cell: ({ members }) => inOrder(members, names) },
  ];
  const items = groups.data?.pages.flatMap((page) => page.items) ?? [];
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
      {groups.isPending && <Skeleton lines={2} />}
      {groups.data && items.length === 0 && (
        <EmptyState title="No groups yet">
          Trunks of a group stand in for each other: when one is in trouble or full, calls go by the next.
        </EmptyState>
      )}
      {items.length > 0 && <Table caption="Groups of trunks" columns={columns} rows={items} keyOf={({ id }) => id} />}
      {groups.hasNextPage && (
        <Button variant="quiet" isPending={groups.isFetchingNextPage} onClick={() => groups.fetchNextPage()}>
          Show older groups
        </Button>
      )}
      {isMaking && <GroupDialog trunks={trunks} onClose={() => setMaking(false)} />}
    </Card>
  );
}

const inOrder = (members: TrunkGroup['members'], names: ReadonlyMap<string, string>): string =>
  placesOf(members)
    .map(({ trunkId }) => names.get(trunkId) ?? trunkId)
    .join(', ');
