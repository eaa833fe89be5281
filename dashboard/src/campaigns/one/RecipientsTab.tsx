import { useQuery } from '@tanstack/react-query';
import { Link, Outlet, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { Users } from 'lucide-react';

import { api, askPage } from '../../api/client';
import { Chip } from '../../ui/Chip';
import { EmptyState } from '../../ui/EmptyState';
import { Checkbox, Select, TextField } from '../../ui/Field';
import { Filters } from '../../ui/Filters';
import { moment } from '../../ui/format';
import { Card } from '../../ui/Page';
import { usePages } from '../../ui/use-pages';
import { type VirtualColumn, VirtualTable } from '../../ui/VirtualTable';
import { type Campaign, campaignQuery, given, type Recipient } from '../queries';
import type { RecipientFilter } from '../routes';
import { CHANNEL, DISPOSITION, HOLD, OUTCOME, RECIPIENT, reason, STEP } from '../words';
import { stepsOf } from './chips';
import styles from './One.module.css';

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
        <div className={styles.toggle}>
          <Checkbox
            label="From the other end"
            isChecked={filter.oldest ?? false}
            onChange={(isOn) => set({ oldest: isOn || undefined })}
          />
        </div>
      </Filters>
      {campaign.data && <List key={JSON.stringify(filter)} campaign={campaign.data} filter={filter} />}
      <Outlet />
    </div>
  );
}

const options = <K extends string>(words: Readonly<Record<K, { text: string }>>): (readonly [K | '', string])[] => [
  ['', 'Any'],
  ...(Object.keys(words) as K[]).map((key) => [key, words[key].text] as const),
];

function List({ campaign, filter }: { campaign: Campaign; filter: RecipientFilter }) {
  const isMoving = campaign.status === 'IN_PROGRESS' || campaign.copying;
  const list = usePages<Recipient>({
    queryKey: ['campaigns', 'one', campaign.id, 'recipients', 'list', filter],
    refetchInterval: isMoving && LOOK,
    fetchPage: (cursor, signal) => {
      const { number, oldest, ...rest } = filter;
      const query = given({
        ...rest,
        numberContains: number?.replaceAll(/\D/g, ''),
        cursor: cursor ?? undefined,
        sort: oldest && ('createdAt' as const),
      });
      const params = { path: { campaignId: campaign.id }, query: { limit: 100, ...query } };
      return askPage(api.GET('/api/v1/campaigns/{campaignId}/recipients', { params, signal }));
    },
  });
  const isFiltered = Object.values(filter).some((value) => value !== undefined && value !== true);
  return (
    <Card isFlush>
      <VirtualTable
        caption="Recipients"
        columns={columnsOf(campaign, filter)}
        list={list}
        keyOf={({ id }) => id}
        empty={
          isFiltered ? (
            <EmptyState title="Nobody is like this">Look with fewer filters.</EmptyState>
          ) : (
            <EmptyState icon={Users} title="The list is empty">
              Its recipients come from an upload.
            </EmptyState>
          )
        }
      />
    </Card>
  );
}

const columnsOf = (campaign: Campaign, filter: RecipientFilter): VirtualColumn<Recipient>[] => [
  {
    name: 'Number',
    width: 'minmax(9rem, 1fr)',
    cell: ({ id, to }) => (
      <Link
        to="/campaigns/$campaignId/recipients/$recipientId"
        params={{ campaignId: campaign.id, recipientId: id }}
        search={filter}
        data-row
      >
        {to}
      </Link>
    ),
  },
  {
    name: 'Steps',
    width: `minmax(9rem, ${campaign.channels.length > 1 ? 2 : 1}fr)`,
    cell: (recipient) => <Steps campaign={campaign} recipient={recipient} />,
  },
  { name: 'Attempts', width: '4.5rem', isNumber: true, isWide: true, cell: ({ attempts }) => attempts },
  {
    name: 'Last call',
    width: 'minmax(7rem, 1fr)',
    isWide: true,
    cell: ({ lastOutcome }) => (lastOutcome ? OUTCOME[lastOutcome].text : '–'),
  },
  { name: 'Stands', width: 'minmax(12rem, 2fr)', isWide: true, cell: standing },
];

function Steps({ campaign, recipient }: { campaign: Campaign; recipient: Recipient }) {
  return (
    <span className={styles.chips}>
      {stepsOf(campaign.channels, recipient).map(({ channel, state }, index) => {
        const { text, tone } = state === 'BEHIND' ? { text: 'behind', tone: 'plain' as const } : STEP[state];
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: a step is its place in the plan
          <Chip key={index} tone={tone} isLive={state === 'IN_PROGRESS'}>
            {campaign.channels.length > 1 && `${CHANNEL[channel]}: `}
            {text}
          </Chip>
        );
      })}
    </span>
  );
}

/** Where somebody stands, in words. */
function standing({ state, disposition, lastReason, hold, dueAt }: Recipient): string {
  if (state === 'DONE') {
    const how = disposition ? DISPOSITION[disposition].text : RECIPIENT.DONE.text;
    return lastReason ? `${how}: ${reason(lastReason)}` : how;
  }
  if (state !== 'PENDING') return RECIPIENT[state].text;
  const when = Date.parse(dueAt) > Date.now() ? `, until ${moment(dueAt)}` : '';
  return `${hold ? HOLD[hold].text : RECIPIENT.PENDING.text}${when}`;
}
