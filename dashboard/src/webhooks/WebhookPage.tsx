import { useQuery } from '@tanstack/react-query';
import { Link, Outlet, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import type { ReactNode } from 'react';

import { agentQuery } from '../agents/queries';
import { Chip } from '../ui/Chip';
import { Select } from '../ui/Field';
import { Filters } from '../ui/Filters';
import { ago, counted, moment } from '../ui/format';
import { MomentField } from '../ui/MomentField';
import { ErrorNote, Note } from '../ui/Note';
import { Card, Page } from '../ui/Page';
import { Skeleton } from '../ui/Skeleton';
import { Facts } from '../ui/Stat';
import { Actions } from './Actions';
import { Deliveries } from './Deliveries';
import { type DeliveryFilter, type DeliveryState, eventsQuery, type Webhook, webhookQuery } from './queries';
import { DELIVERY, shortUrl, stateOf, toldOf } from './words';

/** One endpoint: how it does, what was sent to it, and what it said. */
export function WebhookPage() {
  const { webhookId } = useParams({ from: '/shell/webhooks/$webhookId' });
  const filter = useSearch({ from: '/shell/webhooks/$webhookId' });
  const found = useQuery(webhookQuery(webhookId));
  const webhook = found.data;
  return (
    <Page
      title={webhook ? (webhook.name ?? shortUrl(webhook.url)) : 'Endpoint'}
      crumb={<Link to="/webhooks">Webhooks</Link>}
      aside={webhook && <Chip tone={stateOf(webhook).tone}>{stateOf(webhook).text}</Chip>}
      actions={webhook && <Actions webhook={webhook} />}
    >
      <ErrorNote error={found.error} onRetry={() => found.refetch()} />
      {found.isPending && (
        <Card>
          <Skeleton lines={5} />
        </Card>
      )}
      {webhook && (
        <>
          <Trouble webhook={webhook} />
          <Details webhook={webhook} />
          <h2 className="unseen">Deliveries</h2>
          <Narrow filter={filter} />
          <Card title="What was sent" isFlush>
            <Deliveries key={JSON.stringify(filter)} webhookId={webhookId} filter={filter} />
          </Card>
        </>
      )}
      <Outlet />
    </Page>
  );
}

function Trouble({ webhook: { isActive, disabledReason, failingSince } }: { webhook: Webhook }) {
  if (!isActive) {
    return (
      <Note tone={disabledReason ? 'bad' : 'plain'}>
        Nothing is sent to it. {disabledReason && `A rule has switched it off: ${disabledReason}. `}
        Switch it on again, then replay what was given up meanwhile.
      </Note>
    );
  }
  if (!failingSince) return null;
  return (
    <Note tone="warn">
      It has received nothing since {moment(failingSince)}. Each delivery is tried for 24 hours; after five days of
      nothing but failures the endpoint is switched off.
    </Note>
  );
}

function Details({ webhook }: { webhook: Webhook }) {
  const agent = useQuery({ ...agentQuery(webhook.agentId ?? ''), enabled: webhook.agentId != null }).data;
  const facts: [string, ReactNode][] = [
    ['Address', <code key="url">{webhook.url}</code>],
    ['Told of', toldOf(webhook)],
    ['Signed', webhook.style === 'saaya' ? 'as Saaya signs' : 'after Standard Webhooks'],
  ];
  if (webhook.agentId) facts.push(['Of the agent', agent?.name ?? webhook.agentId]);
  if (webhook.maxPerSecond) facts.push(['At most', `${counted(webhook.maxPerSecond, 'request')} per second`]);
  if (webhook.customHeaders.length > 0) facts.push(['Headers that go along', webhook.customHeaders.join(', ')]);
  if (webhook.description) facts.push(['Description', webhook.description]);
  facts.push(['Made', ago(webhook.createdAt)]);
  return (
    <Card title="Details">
      <Facts facts={facts} />
    </Card>
  );
}

function Narrow({ filter }: { filter: DeliveryFilter }) {
  const navigate = useNavigate({ from: '/webhooks/$webhookId' });
  const events = useQuery(eventsQuery).data ?? [];
  const set = (changes: DeliveryFilter) => navigate({ search: { ...filter, ...changes }, replace: true });
  const states = (Object.keys(DELIVERY) as DeliveryState[]).map((state) => [state, DELIVERY[state].text] as const);
  return (
    <Filters>
      <Select
        label="State"
        value={filter.status ?? ''}
        onChange={(status) => set({ status: status || undefined })}
        options={[['', 'Any'], ...states]}
      />
      <Select
        label="Event"
        value={filter.event ?? ''}
        onChange={(event) => set({ event: event || undefined })}
        options={[['', 'Any'], ...events.map(({ event }) => [event, event] as const)]}
      />
      <MomentField label="From" value={filter.since} onChange={(since) => set({ since })} />
      <MomentField label="Until" value={filter.until} onChange={(until) => set({ until })} />
    </Filters>
  );
}
