import { useInfiniteQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { Bot, Plus } from 'lucide-react';

import { useWhyNot } from '../api/me';
import { Chip } from '../ui/Chip';
import { EmptyState } from '../ui/EmptyState';
import { moment } from '../ui/format';
import { Page } from '../ui/Page';
import { PageCard, rowsOf } from '../ui/PageCard';
import { type Column, Table } from '../ui/Table';
import { WayTo } from '../ui/WayTo';
import { type Agent, agentPages } from './queries';

/** Who talks after the callee has picked up. */
export function AgentsPage() {
  const list = useInfiniteQuery(agentPages);
  const agents = rowsOf(list);
  return (
    <Page
      title="Agents"
      lead="Who talks after the callee has picked up: what is said, what keys do, and where the audio goes."
      actions={<Make />}
    >
      <PageCard list={list}>
        {agents.length > 0 ? (
          <Table caption="Agents" columns={COLUMNS} rows={agents} keyOf={({ id }) => id} />
        ) : (
          <EmptyState icon={Bot} title="No agents yet" action={<Make />}>
            An agent can say a text and hang up, wait for a key, or hand the call to a program or a person.
          </EmptyState>
        )}
      </PageCard>
    </Page>
  );
}

function Make() {
  const why = useWhyNot()('edit agents');
  return (
    <WayTo to="/agents/new" why={why}>
      <Plus aria-hidden />
      New agent
    </WayTo>
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
