import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Bot, Plus } from 'lucide-react';

import { useWhyNot } from '../api/me';
import { Button, ButtonLink } from '../ui/Button';
import { Chip } from '../ui/Chip';
import { EmptyState } from '../ui/EmptyState';
import { moment } from '../ui/format';
import { ErrorNote } from '../ui/Note';
import { Card, Page } from '../ui/Page';
import { Skeleton } from '../ui/Skeleton';
import { type Column, Table } from '../ui/Table';
import { type Agent, agentPages } from './queries';

/** Who talks after the callee has picked up. */
export function AgentsPage() {
  const list = useInfiniteQuery(agentPages);
  const agents = list.data?.pages.flatMap(({ items }) => items) ?? [];
  return (
    <Page
      title="Agents"
      lead="Who talks after the callee has picked up: what is said, what keys do, and where the audio goes."
      actions={<Make />}
    >
      <ErrorNote error={list.error} onRetry={() => list.refetch()} />
      {list.isPending && (
        <Card>
          <Skeleton lines={4} />
        </Card>
      )}
      {list.data && (
        <Card isFlush>
          {agents.length > 0 ? (
            <Table caption="Agents" columns={COLUMNS} rows={agents} keyOf={({ id }) => id} />
          ) : (
            <EmptyState icon={Bot} title="No agents yet" action={<Make />}>
              An agent can say a text and hang up, wait for a key, or hand the call to a program or a person.
            </EmptyState>
          )}
        </Card>
      )}
      {list.hasNextPage && (
        <div>
          <Button isPending={list.isFetchingNextPage} onClick={() => list.fetchNextPage()}>
            Show older ones
          </Button>
        </div>
      )}
    </Page>
  );
}

function Make() {
  const why = useWhyNot()('edit agents');
  const words = (
    <>
      <Plus aria-hidden />
      New agent
    </>
  );
  return why === undefined ? (
    <ButtonLink to="/agents/new" variant="primary">
      {words}
    </ButtonLink>
  ) : (
    <Button variant="primary" why={why}>
      {words}
    </Button>
  );
}

const COLUMNS: Column<Agent>[] = [
  {
    name: 'Name',
    cell: ({ id, name }) => (
      <Link to="/agents/$agentId" params={{ agentId: id }} data-row>
        {name}
      </Link>
    ),
  },
  { name: 'Calls are made with', cell: (agent) => <Live agent={agent} /> },
  { name: 'Says first', isWide: true, cell: ({ greetingText, greeting }) => greetingText ?? greeting ?? 'a chime' },
  { name: 'Then', isWide: true, cell: then },
  { name: 'Changed', isWide: true, cell: ({ versionCreatedAt }) => moment(versionCreatedAt) },
];

function Live({ agent: { publishedVersion, latestVersion } }: { agent: Agent }) {
  if (!publishedVersion) return <Chip tone="warn">nothing: it is a draft</Chip>;
  return (
    <>
      {publishedVersion} {latestVersion !== publishedVersion && <Chip tone="info">draft {latestVersion}</Chip>}
    </>
  );
}

function then({ connect, keypad }: Agent): string {
  const keys = Object.keys(keypad);
  const after = connect ? (connect.kind === 'ws' ? 'a program talks' : 'a telephone is called') : 'hangs up';
  return keys.length > 0 ? `${after}; keys ${keys.join(', ')}` : after;
}
