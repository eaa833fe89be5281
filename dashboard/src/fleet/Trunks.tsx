import { useQueries, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Cable } from 'lucide-react';

import { HealthCell } from '../trunks/HealthCell';
import { type Trunk, trunkQuery, trunksQuery } from '../trunks/queries';
import { TrunkSwitch } from '../trunks/TrunkSwitch';
import { KIND } from '../trunks/words';
import { ButtonLink } from '../ui/Button';
import { EmptyState } from '../ui/EmptyState';
import { count, rate } from '../ui/format';
import { ErrorNote } from '../ui/Note';
import { Card } from '../ui/Page';
import { Skeleton } from '../ui/Skeleton';
import { type Column, Table } from '../ui/Table';

/** How often trunks are looked at, in milliseconds: no live topic tells of them. */
const LOOK = 5_000;
/** Of so many the live calls are asked for, one by one. */
const MOST = 30;

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
      cell: ({ id, limits }) => of(live.get(id), limits.maxLiveCalls),
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

const of = (live: number | undefined, most: number | null | undefined): string => {
  if (live === undefined) return '–';
  return most ? `${count(live)} of ${count(most)}` : count(live);
};

function useLiveCounts(trunks: readonly Trunk[]): ReadonlyMap<string, number> {
  const queries = trunks.slice(0, MOST).map(({ id }) => ({ ...trunkQuery(id), refetchInterval: LOOK }));
  const found = useQueries({ queries }).flatMap(({ data }) => (data ? [[data.id, data.liveCalls] as const] : []));
  return new Map(found);
}
