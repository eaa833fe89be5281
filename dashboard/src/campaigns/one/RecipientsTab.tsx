import { useQuery } from '@tanstack/react-query';
import { Outlet, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { Users } from 'lucide-react';
import type { ReactNode } from 'react';

import { useLiveCampaign } from '../../api/use-live';
import { EmptyState } from '../../ui/EmptyState';
import { Select, TextField } from '../../ui/Field';
import { Filters } from '../../ui/Filters';
import { ErrorNote } from '../../ui/Note';
import { Card } from '../../ui/Page';
import type { Knot } from '../../ui/places';
import { Skeleton } from '../../ui/Skeleton';
import { useLongList } from '../../ui/use-long-list';
import { type PagedList, usePages } from '../../ui/use-pages';
import { VirtualTable } from '../../ui/VirtualTable';
import { type Campaign, campaignQuery, given, type Recipient, statsQuery } from '../queries';
import type { RecipientFilter } from '../routes';
import { DISPOSITION, HOLD, RECIPIENT } from '../words';
import styles from './One.module.css';
import { columnsOf } from './recipient-columns';
import { knotsQuery, recipientsPage } from './recipients';

/** How often rows in view are looked at again while the campaign calls, in milliseconds. */
const LOOK = 3_000;

/** Everybody on the list. */
export function RecipientsTab() {
  const { campaignId } = useParams({ from: '/shell/campaigns/$campaignId' });
  const filter = useSearch({ from: '/shell/campaigns/$campaignId/recipients' });
  const navigate = useNavigate();
  const campaign = useQuery(campaignQuery(campaignId));
  const set = (changes: RecipientFilter) =>
    navigate({
      to: '/campaigns/$campaignId/recipients',
      params: { campaignId },
      search: { ...filter, ...changes },
      replace: true,
    });
  return (
    <div className={styles.beside}>
      <Filters>
        <TextField
          label="Number"
          type="search"
          inputMode="tel"
          placeholder="Any digits of it"
          value={filter.number ?? ''}
          onChange={(number) => set({ number: number || undefined })}
        />
        <Select
          label="State"
          value={filter.state ?? ''}
          onChange={(state) => set({ state: state || undefined })}
          options={options(RECIPIENT)}
        />
        <Select
          label="Ended"
          value={filter.disposition ?? ''}
          onChange={(disposition) => set({ disposition: disposition || undefined })}
          options={options(DISPOSITION)}
        />
        <Select
          label="Waits because"
          value={filter.hold ?? ''}
          onChange={(hold) => set({ hold: hold || undefined })}
          options={options(HOLD)}
        />
      </Filters>
      {campaign.data && (
        <Card isFlush>
          <List campaign={campaign.data} filter={filter} />
        </Card>
      )}
      <Outlet />
    </div>
  );
}

const options = <K extends string>(words: Readonly<Record<K, { text: string }>>): (readonly [K | '', string])[] => [
  ['', 'Any'],
  ...(Object.keys(words) as K[]).map((key) => [key, words[key].text] as const),
];

function List({ campaign, filter }: { campaign: Campaign; filter: RecipientFilter }) {
  const isFiltered = Object.values(filter).some((value) => value !== undefined);
  return isFiltered ? <Narrowed campaign={campaign} filter={filter} /> : <Everybody campaign={campaign} />;
}

/** Those a filter lets through: how many they are nobody knows, so they are followed page by page. */
function Narrowed({ campaign, filter }: { campaign: Campaign; filter: RecipientFilter }) {
  const list = usePages<Recipient>({
    queryKey: listKey(campaign.id, filter),
    refetchInterval: isMoving(campaign) && LOOK,
    fetchPage: (cursor, signal) => {
      const { number, ...rest } = filter;
      const query = given({ ...rest, numberContains: number?.replaceAll(/\D/g, ''), cursor: cursor ?? undefined });
      return recipientsPage(campaign.id, query, signal);
    },
  });
  const empty = <EmptyState title="Nobody is like this">Look with fewer filters.</EmptyState>;
  return <RecipientTable campaign={campaign} filter={filter} list={list} empty={empty} />;
}

/** Everybody: one may go anywhere in the list at once. */
function Everybody({ campaign }: { campaign: Campaign }) {
  const stats = useLiveCampaign(campaign.id)?.stats;
  const asked = useQuery({ ...statsQuery(campaign.id), enabled: stats === undefined });
  const total = (stats ?? asked.data)?.recipients.total;
  const knots = useQuery({ ...knotsQuery(campaign.id, total ?? 0), enabled: total !== undefined && total > 0 });
  if (total === undefined) return asked.error ? <ErrorNote error={asked.error} /> : <Skeleton lines={6} />;
  if (total === 0) {
    return (
      <EmptyState icon={Users} title="The list is empty">
        Its recipients come from an upload.
      </EmptyState>
    );
  }
  if (!knots.data) return knots.error ? <ErrorNote error={knots.error} /> : <Skeleton lines={6} />;
  return <Long campaign={campaign} total={total} knots={knots.data} />;
}

function Long({ campaign, total, knots }: { campaign: Campaign; total: number; knots: readonly Knot[] }) {
  const list = useLongList<Recipient>({
    queryKey: listKey(campaign.id, {}),
    total,
    knots,
    refetchInterval: isMoving(campaign) && LOOK,
    fetchPage: ({ cursor, ...stretch }, signal) =>
      recipientsPage(campaign.id, given({ ...stretch, cursor: cursor ?? undefined }), signal),
  });
  return <RecipientTable campaign={campaign} filter={{}} list={list} empty={null} />;
}

const isMoving = ({ status, copying }: Campaign): boolean => status === 'IN_PROGRESS' || copying;
const listKey = (id: string, filter: RecipientFilter) =>
  ['campaigns', 'one', id, 'recipients', 'list', filter] as const;

function RecipientTable({
  campaign,
  filter,
  list,
  empty,
}: {
  campaign: Campaign;
  filter: RecipientFilter;
  list: PagedList<Recipient>;
  empty: ReactNode;
}) {
  return (
    <VirtualTable
      caption="Recipients"
      columns={columnsOf(campaign, filter)}
      list={list}
      keyOf={({ id }) => id}
      empty={empty}
    />
  );
}
