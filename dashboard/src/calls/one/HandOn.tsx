import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useId, useState } from 'react';

import { agentQuery } from '../../agents/queries';
import { api, ask } from '../../api/client';
import { Button } from '../../ui/Button';
import { Dialog } from '../../ui/Dialog';
import { Select } from '../../ui/Field';
import { Form } from '../../ui/Form';
import { toast } from '../../ui/toast';
import type { Call } from '../queries';

/** Hands a live call on to one of the places its agent may hand on to; nothing where it has none. */
export function HandOn({ call, why }: { call: Call; why: string | undefined }) {
  const [isOpen, setOpen] = useState(false);
  const agent = useQuery(agentQuery(call.agentId)).data;
  const places = Object.entries(agent?.transfers ?? {}).sort();
  if (call.status !== 'ONGOING' || places.length === 0) return null;
  return (
    <>
      <Button variant="primary" why={why} onClick={() => setOpen(true)}>
        Hand on
      </Button>
      {isOpen && <HandOnDialog call={call} places={places} onClose={() => setOpen(false)} />}
    </>
  );
}

function HandOnDialog({
  call,
  places,
  onClose,
}: {
  call: Call;
  places: [name: string, { to: string }][];
  onClose: () => void;
}) {
  const formId = useId();
  const cache = useQueryClient();
  const [to, setTo] = useState(places[0]?.[0] ?? '');
  const hand = useMutation({
    mutationFn: () =>
      ask(api.POST('/api/v1/sessions/{callId}/transfer', { params: { path: { callId: call.id } }, body: { to } })),
    onSuccess: async () => {
      toast(`${to} is being called`);
      onClose();
      await cache.invalidateQueries({ queryKey: ['calls', 'one', call.id] });
    },
  });
  return (
    <Dialog
      title={`Hand on the call to ${call.toNumber}`}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Leave it as it is</Button>
          <Button variant="primary" type="submit" form={formId} isPending={hand.isPending}>
            Hand on
          </Button>
        </>
      }
    >
      <Form id={formId} error={hand.error} onSubmit={() => hand.mutate()}>
        <p>Whoever has the call keeps it until somebody there picks up. If nobody does, it stays where it is.</p>
        <Select
          label="To"
          path="to"
          value={to}
          onChange={setTo}
          options={places.map(([name, place]) => [name, `${name} (${place.to})`])}
        />
      </Form>
    </Dialog>
  );
}
