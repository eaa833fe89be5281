import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';

import { CHANNEL, OUTCOME, reason } from '../campaigns/words';
import { Chip } from '../ui/Chip';
import { EmptyState } from '../ui/EmptyState';
import { duration, moment } from '../ui/format';
import { ErrorNote } from '../ui/Note';
import { Card } from '../ui/Page';
import { Skeleton } from '../ui/Skeleton';
import { type Column, Table } from '../ui/Table';
import styles from './Leads.module.css';
import { type LeadCall, leadCallsQuery, type Reply, repliesQuery } from './queries';

/** How often what is going on is looked at, in milliseconds. */
const LOOK = 10_000;

/** The last calls and messages to a lead. */
export function Calls({ leadId }: { leadId: string }) {
  const { data, error, refetch } = useQuery({ ...leadCallsQuery(leadId), refetchInterval: LOOK });
  return (
    <Card title="Calls and messages" isFlush={data !== undefined}>
      <ErrorNote error={error} onRetry={() => refetch()} />
      {data === undefined && !error && <Skeleton />}
      {data?.length === 0 && (
        <EmptyState title="Nobody has called them lately">
          Calls and messages of campaigns, and single calls, are listed here.
        </EmptyState>
      )}
      {data && data.length > 0 && (
        <Table caption="Calls and messages" columns={CALLS} rows={data} keyOf={({ id }) => id} />
      )}
    </Card>
  );
}

const CALLS: readonly Column<LeadCall>[] = [
  {
    name: 'By',
    cell: ({ id, channel }) => (
      <Link to="/calls/$callId" params={{ callId: id }} data-row>
        {CHANNEL[channel]}
      </Link>
    ),
  },
  {
    name: 'Outcome',
    cell: ({ outcome }) =>
      outcome ? <Chip tone={OUTCOME[outcome].tone}>{OUTCOME[outcome].text}</Chip> : <Chip>Not over</Chip>,
  },
  { name: 'Why', isWide: true, cell: (call) => (call.reason ? reason(call.reason) : '–') },
  {
    name: 'Talked for',
    isNumber: true,
    isWide: true,
    cell: ({ durationMs }) => (durationMs ? duration(durationMs) : '–'),
  },
  { name: 'When', cell: ({ createdAt }) => moment(createdAt) },
];

/** What a lead has written. */
export function Replies({ leadId }: { leadId: string }) {
  const { data, error, refetch } = useQuery({ ...repliesQuery(leadId), refetchInterval: LOOK });
  return (
    <Card title="What they wrote" isFlush={data !== undefined}>
      <ErrorNote error={error} onRetry={() => refetch()} />
      {data === undefined && !error && <Skeleton />}
      {data?.length === 0 && (
        <EmptyState title="They have not written">Answers to text messages, WhatsApp and e-mail come here.</EmptyState>
      )}
      {data && data.length > 0 && (
        <Table
          caption="What they wrote"
          columns={REPLIES}
          rows={data}
          keyOf={({ receivedAt, text }) => `${receivedAt} ${text}`}
        />
      )}
    </Card>
  );
}

const REPLIES: readonly Column<Reply>[] = [
  { name: 'By', cell: ({ channel }) => CHANNEL[channel] },
  {
    name: 'What they wrote',
    cell: ({ text, isStop, sessionId }) => (
      <span className={styles.text}>
        {text} {isStop && <Chip tone="warn">they said stop</Chip>}{' '}
        {sessionId && (
          <Link to="/calls/$callId" params={{ callId: sessionId }}>
            to this message
          </Link>
        )}
      </span>
    ),
  },
  { name: 'When', cell: ({ receivedAt }) => moment(receivedAt) },
];
