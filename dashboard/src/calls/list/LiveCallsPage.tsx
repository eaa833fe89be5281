import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { PhoneCall } from 'lucide-react';

import { agentsQuery } from '../../agents/queries';
import { useLiveCalls } from '../../api/use-live';
import { EmptyState } from '../../ui/EmptyState';
import { count, duration } from '../../ui/format';
import { Note } from '../../ui/Note';
import { Card, Page } from '../../ui/Page';
import { Skeleton } from '../../ui/Skeleton';
import { Stat, Stats } from '../../ui/Stat';
import { type Column, Table } from '../../ui/Table';
import { useNow } from '../../ui/use-now';
import { CallChip } from '../CallChip';
import type { Call } from '../queries';
import { CallTabs } from './CallTabs';

/** Calls that ring or talk now. */
export function LiveCallsPage() {
  const live = useLiveCalls(true);
  const agents = useQuery(agentsQuery).data?.items ?? [];
  const names = new Map(agents.map(({ id, name }) => [id, name]));
  const talking = live?.items.filter(({ status }) => status === 'ONGOING').length ?? 0;
  const isCut = live !== undefined && live.total > live.items.length;
  return (
    <Page title="Calls">
      <CallTabs />
      {live === undefined ? (
        <Card>
          <Skeleton lines={4} />
        </Card>
      ) : live.items.length === 0 ? (
        <Card>
          <EmptyState icon={PhoneCall} title="No call is live">
            As soon as a phone rings it is here, by itself.
          </EmptyState>
        </Card>
      ) : (
        <>
          <Stats>
            <Stat label="Live" value={count(live.total)} />
            <Stat label="Talking" value={count(talking)} note={isCut ? 'of those below' : undefined} />
            <Stat
              label="Ringing"
              value={count(live.items.length - talking)}
              note={isCut ? 'of those below' : undefined}
            />
          </Stats>
          {isCut && <Note>These are the newest {count(live.items.length)}. The list of all calls has the others.</Note>}
          <Card isFlush>
            <Table caption="Live calls" columns={columns(names)} rows={live.items} keyOf={({ id }) => id} />
          </Card>
        </>
      )}
    </Page>
  );
}

const columns = (names: ReadonlyMap<string, string>): Column<Call>[] => [
  {
    name: 'To',
    cell: ({ id, toNumber }) => (
      <Link to="/calls/$callId" params={{ callId: id }} data-row>
        {toNumber}
      </Link>
    ),
  },
  { name: 'State', cell: ({ status }) => <CallChip status={status} /> },
  { name: 'For', isNumber: true, cell: (call) => <Lasts since={call.answeredAt ?? call.startedAt} /> },
  { name: 'Agent', cell: ({ agentId }) => names.get(agentId) ?? '–' },
  { name: 'Shown number', isWide: true, cell: ({ fromNumber }) => fromNumber ?? '–' },
  { name: 'Attempt', isWide: true, isNumber: true, cell: ({ attempt }) => attempt },
];

/** How long something goes on by now. */
function Lasts({ since }: { since: string | null | undefined }) {
  const now = useNow();
  return since ? duration(Math.max(now.getTime() - new Date(since).getTime(), 0)) : '–';
}
