import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Cable } from 'lucide-react';

import { HealthCell } from '../trunks/HealthCell';
import { LOOK, type Trunk, trunksQuery, useLiveCounts } from '../trunks/queries';
import { TrunkSwitch } from '../trunks/TrunkSwitch';
import { KIND, liveOf } from '../trunks/words';
import { ButtonLink } from '../ui/Button';
import { EmptyState } from '../ui/EmptyState';
import { rate } from '../ui/format';
import { ErrorNote } from '../ui/Note';
import { Card } from '../ui/Page';
import { Skeleton } from '../ui/Skeleton';
import { type Column, Table } from '../ui/Table';

/** Trunks with how they are, and the means to pause one. */
export function Trunks() {
  const { data, error, refetch } = useQuery({ ...trunksQuery, refetchInterval: LOOK });
  const trunks = data?.items ?? [];
  const live = useLiveCounts(trunks);
  const columns: Column<Trunk>[] = [
    {
      name: 'Trunk',
      cell: ({ id, name }) => (
        <Link to="/trunks/$trunkId" params={{ trunkId: id }}>
          {name}
        </Link>
      ),
    },
    { name: 'Kind', isWide: true, cell: ({ kind }) => KIND[kind].text },
    { name: 'Health', cell: ({ health }) => <HealthCell health={health} /> },
    {
      name: 'Live',
      isNumber: true,
      cell: ({ id, limits }) => liveOf(live.get(id), limits.maxLiveCalls),
    },
    {
      name: 'Begins at most',
      isNumber: true,
      isWide: true,
      cell: ({ limits }) => (limits.callsPerSecond ? rate(limits.callsPerSecond) : 'as fast as it can'),
    },
    {
      name: 'What can be done',
      isUnnamed: true,
      isNumber: true,
      cell: (trunk) => <TrunkSwitch trunk={trunk} />,
    },
  ];
  return (
    <Card title="Trunks" isFlush>
      <ErrorNote error={error} onRetry={() => refetch()} />
      {data === undefined ? (
        <Skeleton />
      ) : trunks.length === 0 ? (
        <EmptyState icon={Cable} title="No trunks yet" action={<ButtonLink to="/trunks/new">New trunk</ButtonLink>}>
          Calls leave over trunks. Make one first.
        </EmptyState>
      ) : (
        <Table caption="Trunks" columns={columns} rows={trunks} keyOf={({ id }) => id} />
      )}
    </Card>
  );
}
