import { useInfiniteQuery } from '@tanstack/react-query';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { Megaphone, Plus } from 'lucide-react';

import type { LiveProgress } from '../../api/contract';
import { useWhyNot } from '../../api/me';
import { useLiveProgress } from '../../api/use-live';
import { EmptyState } from '../../ui/EmptyState';
import { Select, TextField } from '../../ui/Field';
import { Filters } from '../../ui/Filters';
import { count, moment, percent, shortCount } from '../../ui/format';
import { ErrorNote } from '../../ui/Note';
import { Card, Page } from '../../ui/Page';
import { More } from '../../ui/PageCard';
import { Progress } from '../../ui/Progress';
import { type Column, Table } from '../../ui/Table';
import { WayTo } from '../../ui/WayTo';
import { type Campaign, type CampaignState, campaignsQuery } from '../queries';
import { StatusChip } from '../StatusChip';
import { STATUS } from '../words';
import styles from './CampaignsPage.module.css';

type Row = Campaign & { live: LiveProgress | undefined };

/** All campaigns with their progress. */
export function CampaignsPage() {
  const filter = useSearch({ from: '/shell/campaigns' });
  const navigate = useNavigate({ from: '/campaigns' });
  const whyNot = useWhyNot();
  const list = useInfiniteQuery(campaignsQuery(filter));
  const campaigns = list.data?.pages.flatMap((page) => page.items) ?? [];
  const progress = useLiveProgress(campaigns.filter(isWorthWatching).map(({ id }) => id));
  const rows = campaigns.map((campaign) => ({ ...campaign, live: progress.get(campaign.id) }));
  const isFiltered = filter.status !== undefined || filter.name !== undefined;
  const set = (changes: typeof filter) => navigate({ search: { ...filter, ...changes }, replace: true });
  const create = <NewCampaign why={whyNot('run campaigns')} />;
  return (
    <Page title="Campaigns" actions={create}>
      <Filters>
        <TextField
          label="Name"
          type="search"
          placeholder="Any"
          value={filter.name ?? ''}
          onChange={(name) => set({ name: name || undefined })}
        />
        <Select
          label="State"
          value={filter.status ?? ''}
          onChange={(status) => set({ status: status === '' ? undefined : status })}
          options={[['', 'Any'], ...STATES]}
        />
      </Filters>
      <ErrorNote error={list.error} onRetry={() => list.refetch()} />
      {list.data && (
        <Card isFlush>
          {rows.length > 0 ? (
            <Table caption="Campaigns" columns={COLUMNS} rows={rows} keyOf={(row) => row.id} />
          ) : isFiltered ? (
            <EmptyState title="No campaign is like this">Look under another name or state.</EmptyState>
          ) : (
            <EmptyState icon={Megaphone} title="No campaigns yet" action={create}>
              Upload a list, choose who talks, and everybody on it is called at a legal hour and at the pace you set.
            </EmptyState>
          )}
        </Card>
      )}
      <More list={list} />
    </Page>
  );
}

const STATES = (Object.keys(STATUS) as CampaignState[]).map((status) => [status, STATUS[status].text] as const);

/** Of a draft nothing moves. */
const isWorthWatching = ({ status }: Campaign) => status !== 'DRAFT';

function NewCampaign({ why }: { why: string | undefined }) {
  return (
    <WayTo to="/campaigns/new" why={why}>
      <Plus aria-hidden />
      New campaign
    </WayTo>
  );
}

const COLUMNS: Column<Row>[] = [
  {
    name: 'Name',
    cell: ({ id, name }) => (
      <Link to="/campaigns/$campaignId" params={{ campaignId: id }} data-row>
        {name}
      </Link>
    ),
  },
  { name: 'State', cell: ({ status, live }) => <StatusChip status={live?.status ?? status} /> },
  { name: 'Progress', cell: (row) => <ProgressCell {...row} /> },
  {
    name: 'Live calls',
    isNumber: true,
    isWide: true,
    cell: ({ live }) => (live && live.ringing + live.talking > 0 ? count(live.ringing + live.talking) : '–'),
  },
  {
    name: 'Reached',
    isNumber: true,
    isWide: true,
    cell: ({ live }) =>
      live && live.done > 0 ? `${shortCount(live.reached)} · ${percent(live.reached / live.done)}` : '–',
  },
  { name: 'Created', isWide: true, cell: ({ createdAt }) => moment(createdAt) },
];

function ProgressCell({ name, live }: Row) {
  if (live === undefined) return '–';
  const { total, done, reached } = live;
  return (
    <div className={styles.progress}>
      <Progress
        label={`Progress of ${name}`}
        total={total}
        parts={[
          { count: reached, tone: 'good' },
          { count: done - reached, tone: 'plain' },
        ]}
      />
      <span>
        {shortCount(done)} of {shortCount(total)}
      </span>
    </div>
  );
}
