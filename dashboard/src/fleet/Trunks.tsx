import { useMutation, useQueries, useQuery, useQueryClient } from '@tanstack/react-query';
import { Cable } from 'lucide-react';
import { useState } from 'react';

import { useWhyNot } from '../api/me';
import { HealthCell } from '../trunks/HealthCell';
import { setTrunk, type Trunk, trunkQuery, trunksQuery } from '../trunks/queries';
import { KIND } from '../trunks/words';
import { Button } from '../ui/Button';
import { Confirm } from '../ui/Dialog';
import { EmptyState } from '../ui/EmptyState';
import { count, rate } from '../ui/format';
import { ErrorNote } from '../ui/Note';
import { Card } from '../ui/Page';
import { Skeleton } from '../ui/Skeleton';
import { type Column, Table } from '../ui/Table';
import { toast } from '../ui/toast';

/** How often trunks are looked at, in milliseconds: no live topic tells of them. */
const LOOK = 5_000;
/** Of so many the live calls are asked for, one by one. */
const MOST = 30;

/** Trunks with how they are, and the means to pause one. */
export function Trunks() {
  const { data, error, refetch } = useQuery({ ...trunksQuery, refetchInterval: LOOK });
  const trunks = data?.items ?? [];
  const live = useLiveCounts(trunks);
  const why = useWhyNot()('edit trunks');
  const cache = useQueryClient();
  const [asked, setAsked] = useState<Trunk | null>(null);
  const renew = () => cache.invalidateQueries({ queryKey: ['trunks'] });
  const resume = useMutation({
    mutationFn: ({ id }: Trunk) => setTrunk(id, 'resume'),
    onSuccess: (trunk) => {
      toast(`Calls begin on ${trunk.name} again`);
      return renew();
    },
  });
  const columns: Column<Trunk>[] = [
    { name: 'Trunk', cell: ({ name }) => <b>{name}</b> },
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
      cell: (trunk) =>
        trunk.health.status === 'STOPPED' ? (
          <Button
            why={why}
            isPending={resume.isPending && resume.variables.id === trunk.id}
            onClick={() => resume.mutate(trunk)}
          >
            Resume<span className="unseen"> {trunk.name}</span>
          </Button>
        ) : (
          <Button why={why} onClick={() => setAsked(trunk)}>
            Pause<span className="unseen"> {trunk.name}</span>
          </Button>
        ),
    },
  ];
  return (
    <Card title="Trunks" isFlush>
      <ErrorNote error={error ?? resume.error} onRetry={error ? () => refetch() : undefined} />
      {data === undefined ? (
        <Skeleton />
      ) : trunks.length === 0 ? (
        <EmptyState icon={Cable} title="No trunks yet">
          Calls leave over trunks. Make one first.
        </EmptyState>
      ) : (
        <Table caption="Trunks" columns={columns} rows={trunks} keyOf={({ id }) => id} />
      )}
      {asked && (
        <Confirm
          title={`Pause ${asked.name}?`}
          confirm="Pause the trunk"
          onConfirm={async () => {
            await setTrunk(asked.id, 'pause');
            toast(`No call begins on ${asked.name} any more`);
            await renew();
          }}
          onClose={() => setAsked(null)}
        >
          Calls that are live go on to their end. Others wait until you resume it, or go by another trunk of its group.
        </Confirm>
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
