import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useId, useState } from 'react';

import { Button } from '../ui/Button';
import { Chip } from '../ui/Chip';
import { Code } from '../ui/Code';
import { Dialog } from '../ui/Dialog';
import { Select } from '../ui/Field';
import { Form } from '../ui/Form';
import { ErrorNote } from '../ui/Note';
import { deliveryQuery, type EventType, eventsQuery, tryOut, type Webhook } from './queries';
import { DELIVERY } from './words';

/** Sends the sample of an event, and tells what the endpoint says. */
export function TestDialog({ webhook, onClose }: { webhook: Webhook; onClose: () => void }) {
  const form = useId();
  const events = useQuery(eventsQuery);
  const [event, setEvent] = useState<EventType>(webhook.events[0] ?? 'session.ended');
  const cache = useQueryClient();
  const send = useMutation({
    mutationFn: () => tryOut(webhook.id, event),
    onSuccess: () => cache.invalidateQueries({ queryKey: ['webhooks', 'one', webhook.id] }),
  });
  return (
    <Dialog
      title="Send a test"
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Close</Button>
          <Button variant="primary" type="submit" form={form} isPending={send.isPending}>
            Send it
          </Button>
        </>
      }
    >
      <Form id={form} error={send.error ?? events.error} onSubmit={() => send.mutate()}>
        <Select
          label="Event"
          path="event"
          hint="Its sample is sent, signed, with isTest: true in it."
          value={event}
          onChange={setEvent}
          options={(events.data ?? []).map((it) => [it.event, it.event] as const)}
        />
      </Form>
      {send.data && <Outcome key={send.data.id} deliveryId={send.data.id} />}
    </Dialog>
  );
}

function Outcome({ deliveryId }: { deliveryId: string }) {
  const { data, error } = useQuery(deliveryQuery(deliveryId));
  const last = data?.log.at(-1);
  return (
    <div role="status">
      <ErrorNote error={error} />
      <p>
        <Chip tone={DELIVERY[data?.status ?? 'PENDING'].tone}>{DELIVERY[data?.status ?? 'PENDING'].text}</Chip>{' '}
        {last
          ? `The endpoint said ${last.status ?? last.error ?? 'nothing'} after ${last.durationMs} ms.`
          : 'No answer yet.'}
        {last && data?.status === 'PENDING' && ' It is tried again.'}
      </p>
      {last?.answer && <Code text={last.answer} label="What the endpoint said" />}
    </div>
  );
}
