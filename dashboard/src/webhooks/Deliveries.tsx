import { Link } from '@tanstack/react-router';

import { Chip } from '../ui/Chip';
import { EmptyState } from '../ui/EmptyState';
import { ago, moment } from '../ui/format';
import { usePages } from '../ui/use-pages';
import { type VirtualColumn, VirtualTable } from '../ui/VirtualTable';
import { type Delivery, type DeliveryFilter, deliveriesPage } from './queries';
import { answerOf, DELIVERY } from './words';

/** How often the ones in view are looked at again, in milliseconds. */
const LOOK = 5_000;

/** What was sent to an endpoint, newest first. */
export function Deliveries({ webhookId, filter }: { webhookId: string; filter: DeliveryFilter }) {
  const list = usePages({
    queryKey: ['webhooks', 'one', webhookId, 'deliveries', filter],
    fetchPage: (cursor, signal) => deliveriesPage(webhookId, filter, cursor, signal),
    refetchInterval: LOOK,
  });
  const empty =
    Object.keys(filter).length > 0 ? (
      <EmptyState title="Nothing was sent like this">Look for another state, event or time.</EmptyState>
    ) : (
      <EmptyState title="Nothing was sent yet">
        Send a test to see what arrives, and what your server says to it.
      </EmptyState>
    );
  return (
    <VirtualTable caption="Deliveries" columns={columns(filter)} list={list} keyOf={({ id }) => id} empty={empty} />
  );
}

const columns = (filter: DeliveryFilter): VirtualColumn<Delivery>[] => [
  {
    name: 'Event',
    width: 'minmax(10rem, 1fr)',
    cell: ({ id, webhookId, event }) => (
      <Link to="/webhooks/$webhookId/$deliveryId" params={{ webhookId, deliveryId: id }} search={filter} data-row>
        {event}
      </Link>
    ),
  },
  {
    name: 'State',
    width: '8.5rem',
    cell: ({ status }) => <Chip tone={DELIVERY[status].tone}>{DELIVERY[status].text}</Chip>,
  },
  { name: 'Attempts', width: '5rem', isNumber: true, cell: ({ attempts }) => attempts },
  {
    name: 'Last answer',
    width: 'minmax(9rem, 1.2fr)',
    cell: ({ attempts, lastStatus, lastError }) => (attempts === 0 ? '–' : (lastError ?? answerOf(lastStatus).text)),
  },
  { name: 'Happened', width: '9.5rem', cell: ({ createdAt }) => moment(createdAt) },
  { name: 'Next attempt', width: '8rem', cell: ({ dueAt }) => (dueAt ? ago(dueAt) : '–') },
];
