import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { Phone, PhoneOutgoing } from 'lucide-react';

import { agentsQuery } from '../../agents/queries';
import { useWhyNot } from '../../api/me';
import { campaignsQuery } from '../../campaigns/queries';
import { OUTCOME, reason } from '../../campaigns/words';
import { Button } from '../../ui/Button';
import { EmptyState } from '../../ui/EmptyState';
import { ExportMenu } from '../../ui/ExportMenu';
import { Select } from '../../ui/Field';
import { Filters } from '../../ui/Filters';
import { duration, moment } from '../../ui/format';
import { MomentField } from '../../ui/MomentField';
import { Card, Page } from '../../ui/Page';
import { PhoneFilter } from '../../ui/PhoneFilter';
import { usePages } from '../../ui/use-pages';
import { type VirtualColumn, VirtualTable } from '../../ui/VirtualTable';
import { CallChip } from '../CallChip';
import { type Call, type CallFilter, callsPage, exportPath } from '../queries';
import { CALL } from '../words';
import { CallTabs } from './CallTabs';
import { PlaceCall } from './PlaceCall';

/** Every call and message there was. */
export function CallsPage() {
  const { place, version, ...filter } = useSearch({ from: '/shell/calls' });
  const navigate = useNavigate({ from: '/calls' });
  const whyNot = useWhyNot();
  const set = (changes: CallFilter) => navigate({ search: { ...filter, ...changes }, replace: true });
  return (
    <Page
      title="Calls"
      actions={
        <>
          <ExportMenu
            files={[
              { label: 'As CSV, for spreadsheets', path: exportPath(filter, 'csv'), filename: 'calls.csv' },
              { label: 'As JSON lines, for programs', path: exportPath(filter, 'jsonl'), filename: 'calls.jsonl' },
            ]}
          />
          <Button
            variant="primary"
            why={whyNot('run campaigns')}
            onClick={() => navigate({ search: { ...filter, place: 'any' } })}
          >
            <PhoneOutgoing aria-hidden />
            Place a call
          </Button>
        </>
      }
    >
      <CallTabs />
      <CallFilters filter={filter} set={set} />
      <Card isFlush>
        <CallList key={JSON.stringify(filter)} filter={filter} />
      </Card>
      {place && <PlaceCall with={place === 'any' ? undefined : place} version={version} onClose={() => set({})} />}
    </Page>
  );
}

function CallFilters({ filter, set }: { filter: CallFilter; set: (changes: CallFilter) => void }) {
  const agents = useQuery(agentsQuery).data?.items ?? [];
  const campaigns = useInfiniteQuery(campaignsQuery({})).data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Filters>
      <PhoneFilter value={filter.number ?? ''} onChange={(number) => set({ number })} />
      <Select
        label="State"
        value={filter.status ?? ''}
        onChange={(status) => set({ status: status || undefined })}
        options={[['', 'Any'], ...entries(CALL)]}
      />
      <Select
        label="Outcome"
        value={filter.outcome ?? ''}
        onChange={(outcome) => set({ outcome: outcome || undefined })}
        options={[['', 'Any'], ...entries(OUTCOME)]}
      />
      <Select
        label="Campaign"
        value={filter.campaignId ?? ''}
        onChange={(campaignId) => set({ campaignId: campaignId || undefined })}
        options={named('Any', campaigns, filter.campaignId)}
      />
      <Select
        label="Agent"
        value={filter.agentId ?? ''}
        onChange={(agentId) => set({ agentId: agentId || undefined })}
        options={named('Any', agents, filter.agentId)}
      />
      <MomentField label="From" value={filter.since} onChange={(since) => set({ since })} />
      <MomentField label="Until" value={filter.until} onChange={(until) => set({ until })} />
    </Filters>
  );
}

const entries = <K extends string>(words: Readonly<Record<K, { text: string }>>): [K, string][] =>
  (Object.keys(words) as K[]).map((key) => [key, words[key].text]);

/** Things to choose from by name; the chosen one is among them, however old it is. */
function named(any: string, things: readonly { id: string; name: string }[], chosen: string | undefined) {
  const options = things.map(({ id, name }) => [id, name] as const);
  const isMissing = chosen !== undefined && !things.some(({ id }) => id === chosen);
  return [['', any] as const, ...options, ...(isMissing ? [[chosen, chosen] as const] : [])];
}

function CallList({ filter }: { filter: CallFilter }) {
  const list = usePages({
    queryKey: ['calls', 'list', 'pages', filter],
    fetchPage: (cursor, signal) => callsPage(filter, cursor, signal),
    refetchInterval: 15_000,
  });
  const isFiltered = Object.keys(filter).length > 0;
  const empty = isFiltered ? (
    <EmptyState title="No call is like this">Look for another number, state or time.</EmptyState>
  ) : (
    <EmptyState icon={Phone} title="No calls yet">
      Start a campaign, or place a single call to hear how your agent sounds.
    </EmptyState>
  );
  return <VirtualTable caption="Calls" columns={COLUMNS} list={list} keyOf={({ id }) => id} empty={empty} />;
}

const COLUMNS: VirtualColumn<Call>[] = [
  {
    name: 'To',
    width: 'minmax(9rem, 1fr)',
    cell: ({ id, toNumber }) => (
      <Link to="/calls/$callId" params={{ callId: id }} data-row>
        {toNumber}
      </Link>
    ),
  },
  { name: 'State', width: '9rem', cell: ({ status }) => <CallChip status={status} /> },
  {
    name: 'Why',
    width: 'minmax(9rem, 1.4fr)',
    cell: (call) => (call.reason ? reason(call.reason) : '–'),
  },
  {
    name: 'Talked',
    width: '4.5rem',
    isNumber: true,
    cell: ({ durationMs }) => (durationMs ? duration(durationMs) : '–'),
  },
  { name: 'Attempt', width: '4rem', isNumber: true, cell: ({ attempt }) => attempt },
  { name: 'Shown number', width: 'minmax(8rem, 1fr)', cell: ({ fromNumber }) => fromNumber ?? '–' },
  { name: 'Created', width: '9.5rem', cell: ({ createdAt }) => moment(createdAt) },
];
