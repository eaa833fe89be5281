import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useId, useState } from 'react';

import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { Select } from '../ui/Field';
import { FieldRow, Form } from '../ui/Form';
import { counted } from '../ui/format';
import { MomentField } from '../ui/MomentField';
import { Note } from '../ui/Note';
import { type DeliveryState, type EventType, eventsQuery, replayMany, type Webhook } from './queries';

const OVER: [Exclude<DeliveryState, 'PENDING'>, string][] = [
  ['DEAD', 'Given up'],
  ['DELIVERED', 'Delivered: your server gets them twice'],
];

/** Sends again what ended like this. */
export function ReplayDialog({ webhook, onClose }: { webhook: Webhook; onClose: () => void }) {
  const form = useId();
  const events = useQuery(eventsQuery).data ?? [];
  const [status, setStatus] = useState<Exclude<DeliveryState, 'PENDING'>>('DEAD');
  const [event, setEvent] = useState<EventType | ''>('');
  const [from, setFrom] = useState<string>();
  const [until, setUntil] = useState<string>();
  const cache = useQueryClient();
  const replay = useMutation({
    mutationFn: () =>
      replayMany(webhook.id, { status, event: event || null, from: from ?? null, until: until ?? null }),
    onSuccess: () => cache.invalidateQueries({ queryKey: ['webhooks', 'one', webhook.id] }),
  });
  return (
    <Dialog
      title="Replay many"
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Close</Button>
          <Button variant="primary" type="submit" form={form} isPending={replay.isPending}>
            Send them again
          </Button>
        </>
      }
    >
      <Form id={form} error={replay.error} onSubmit={() => replay.mutate()}>
        <Select label="Those that were" path="status" value={status} onChange={setStatus} options={OVER} />
        <Select
          label="Event"
          path="event"
          value={event}
          onChange={setEvent}
          options={[['', 'Any'], ...events.map((it) => [it.event, it.event] as const)]}
        />
        <FieldRow>
          <MomentField label="From" path="from" isOptional={status === 'DEAD'} value={from} onChange={setFrom} />
          <MomentField label="Until" path="until" isOptional value={until} onChange={setUntil} />
        </FieldRow>
      </Form>
      {replay.data && (
        <div role="status">
          <Note tone="good">
            {replay.data.replayed === 0
              ? 'There was nothing like this.'
              : `${counted(replay.data.replayed, 'delivery is', 'deliveries are')} on their way again, with the ids they had.`}
            {!replay.data.isComplete && ' There are more: send again.'}
          </Note>
        </div>
      )}
    </Dialog>
  );
}
