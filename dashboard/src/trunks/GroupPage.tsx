import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';

import { Copy } from '../ui/Copy';
import { moment, percent } from '../ui/format';
import { ErrorNote, Note } from '../ui/Note';
import { Card, Page } from '../ui/Page';
import { Skeleton } from '../ui/Skeleton';
import { Facts } from '../ui/Stat';
import { type Column, Table } from '../ui/Table';
import { placesOf } from './group';
import { HealthCell } from './HealthCell';
import { type TrunkGroup, trunkGroupQuery, useTrunks } from './queries';
import { liveOf } from './words';

/** One group: its trunks in their order, and how each is. */
export function GroupPage() {
  const { groupId } = useParams({ from: '/shell/trunks/groups/$groupId' });
  const { data: group, error, refetch, isPending } = useQuery(trunkGroupQuery(groupId));
  return (
    <Page
      title={group?.name ?? 'Group'}
      crumb={<Link to="/trunks">Trunks</Link>}
      lead="Trunks that stand in for each other: calls go by the first ones that work and have room."
    >
      <ErrorNote error={error} onRetry={() => refetch()} />
      {isPending && (
        <Card>
          <Skeleton lines={4} />
        </Card>
      )}
      {group && (
        <>
          <Members group={group} />
          <Card title="About it">
            <Facts
              facts={[
                ['Made', moment(group.createdAt)],
                [
                  'Id',
                  <span key="id">
                    <code>{group.id}</code> <Copy text={group.id} what="the id" />
                  </span>,
                ],
              ]}
            />
          </Card>
          <Note>
            A group stays what it is. To change its trunks or their order, make another one and let campaigns use that.
          </Note>
        </>
      )}
    </Page>
  );
}

function Members({ group }: { group: TrunkGroup }) {
  const places = placesOf(group.members);
  const trunks = useTrunks(places.map(({ trunkId }) => trunkId));
  const columns: Column<(typeof places)[number]>[] = [
    { name: 'Turn', cell: ({ turn }) => turn },
    {
      name: 'Trunk',
      cell: ({ trunkId }) => (
        <Link to="/trunks/$trunkId" params={{ trunkId }} data-row>
          {trunks.get(trunkId)?.name ?? trunkId}
        </Link>
      ),
    },
    { name: 'Its part', isNumber: true, isWide: true, cell: ({ share }) => percent(share) },
    {
      name: 'Health',
      cell: ({ trunkId }) => {
        const trunk = trunks.get(trunkId);
        return trunk ? <HealthCell health={trunk.health} /> : '–';
      },
    },
    {
      name: 'Live',
      isNumber: true,
      cell: ({ trunkId }) => {
        const trunk = trunks.get(trunkId);
        return liveOf(trunk?.liveCalls, trunk?.limits.maxLiveCalls);
      },
    },
  ];
  return (
    <Card title="Trunks in their order" isFlush>
      <Table caption="Trunks of the group" columns={columns} rows={places} keyOf={({ trunkId }) => trunkId} />
    </Card>
  );
}
