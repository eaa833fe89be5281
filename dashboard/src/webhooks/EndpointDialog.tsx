import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useId, useState } from 'react';

import { agentsQuery } from '../agents/queries';
import { anyObject } from '../api/contract';
import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { NumberField, numberOf, Select, TextArea, TextField } from '../ui/Field';
import { Form } from '../ui/Form';
import { objectOf, type Pair, Pairs, pair } from '../ui/Pairs';
import { toast } from '../ui/toast';
import { EventChoice } from './EventChoice';
import { changeWebhook, type EventType, makeWebhook, type Webhook, type WebhookMade } from './queries';

const STYLES: [Webhook['style'], string][] = [
  ['standard', 'Standard Webhooks'],
  ['saaya', 'As Saaya signs'],
];

/** Makes an endpoint, or changes one. */
export function EndpointDialog({
  of,
  onSaved,
  onClose,
}: {
  of?: Webhook;
  onSaved: (saved: Webhook | WebhookMade) => void;
  onClose: () => void;
}) {
  const form = useId();
  const [url, setUrl] = useState(of?.url ?? '');
  const [name, setName] = useState(of?.name ?? '');
  const [description, setDescription] = useState(of?.description ?? '');
  const [events, setEvents] = useState<readonly EventType[]>(of?.events ?? []);
  const [agentId, setAgent] = useState<string>(of?.agentId ?? '');
  const [style, setStyle] = useState(of?.style ?? 'standard');
  const [rate, setRate] = useState(of?.maxPerSecond ? String(of.maxPerSecond) : '');
  // The values of headers are nobody's to see again: they are replaced as a whole, or stay.
  const [headers, setHeaders] = useState<readonly Pair[] | null>(of ? null : []);
  const agents = useQuery(agentsQuery).data?.items ?? [];
  const cache = useQueryClient();
  const save = useMutation({
    mutationFn: () => {
      const body = {
        url: url.trim(),
        name: name.trim() || null,
        description: description.trim() || null,
        ...(of?.samora ? {} : { events: [...events] }),
        agentId: agentId || null,
        style,
        // What is no number is for the API to refuse, which says why.
        maxPerSecond: rate.trim() === '' ? null : (numberOf(rate) ?? 0),
        ...(headers && { customHeaders: anyObject(objectOf(headers)) }),
      };
      return of ? changeWebhook(of.id, body) : makeWebhook(body);
    },
    // Its answer may have the secret, which is nobody's to keep.
    gcTime: 0,
    onSuccess: async (saved) => {
      toast(of ? 'Endpoint saved' : 'Endpoint made');
      onSaved(saved);
      await cache.invalidateQueries({ queryKey: ['webhooks'] });
    },
  });
  return (
    <Dialog
      title={of ? 'Change the endpoint' : 'New endpoint'}
      isWide
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button variant="primary" type="submit" form={form} isPending={save.isPending}>
            {of ? 'Save' : 'Make the endpoint'}
          </Button>
        </>
      }
    >
      <Form id={form} error={save.error} onSubmit={() => save.mutate()}>
        <TextField
          label="Address"
          path="url"
          type="url"
          required
          placeholder="https://example.com/hooks/ringfleet"
          hint="It answers 200 to 299 within seconds, and does the work afterwards."
          value={url}
          onChange={setUrl}
        />
        <TextField label="Name" path="name" isOptional value={name} onChange={setName} />
        <TextArea
          label="Description"
          path="description"
          isOptional
          rows={2}
          value={description}
          onChange={setDescription}
        />
        {!of?.samora && <EventChoice chosen={events} onChange={setEvents} />}
        <Select
          label="Of which agent"
          path="agentId"
          hint="Only what happens to its calls, campaigns and versions."
          value={agentId}
          onChange={setAgent}
          options={[['', 'All of them'], ...agents.map((agent) => [agent.id, agent.name] as const)]}
        />
        <Select label="Signed" path="style" value={style} onChange={setStyle} options={STYLES} />
        <NumberField
          label="Requests at most"
          path="maxPerSecond"
          unit="per second"
          isOptional
          hint="Empty is as many as there are."
          value={rate}
          onChange={setRate}
        />
        {headers ? (
          <Pairs label="Headers that go along" add="Add a header" pairs={headers} onChange={setHeaders} />
        ) : (
          <div>
            {of && of.customHeaders.length > 0 && <p>Goes along: {of.customHeaders.join(', ')}.</p>}
            <Button onClick={() => setHeaders([pair()])}>
              {of?.customHeaders.length ? 'Replace the headers' : 'Send headers along'}
            </Button>
          </div>
        )}
      </Form>
    </Dialog>
  );
}
