import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useId, useState } from 'react';

import { CHANNEL } from '../campaigns/words';
import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { Checkbox, Select, TextField } from '../ui/Field';
import { Form } from '../ui/Form';
import { MomentField } from '../ui/MomentField';
import { plainNumber } from '../ui/phone';
import { toast } from '../ui/toast';
import { suppress } from './queries';

type Channel = keyof typeof CHANNEL;

/** Puts one number on the list. */
export function AddDialog({ onClose }: { onClose: () => void }) {
  const form = useId();
  const [number, setNumber] = useState('');
  const [channel, setChannel] = useState<Channel | ''>('');
  const [isStop, setStop] = useState(false);
  const [reason, setReason] = useState('');
  const [expiresAt, setExpires] = useState<string>();
  const cache = useQueryClient();
  const add = useMutation({
    mutationFn: () =>
      suppress({
        number: plainNumber(number),
        channel: isStop ? null : channel || null,
        source: isStop ? 'STOP' : 'OPERATOR',
        reason: reason.trim() || null,
        expiresAt: isStop ? null : (expiresAt ?? null),
      }),
    onSuccess: async () => {
      toast(`${plainNumber(number)} is on the list`);
      await cache.invalidateQueries({ queryKey: ['suppressions'] });
      onClose();
    },
  });
  const channels = (Object.keys(CHANNEL) as Channel[]).map((it) => [it, CHANNEL[it]] as const);
  return (
    <Dialog
      title="Add a number"
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button variant="primary" type="submit" form={form} isPending={add.isPending}>
            Put it on the list
          </Button>
        </>
      }
    >
      <Form id={form} error={add.error} onSubmit={() => add.mutate()}>
        <TextField
          label="Number"
          path="number"
          type="tel"
          required
          placeholder="+14155550100"
          value={number}
          onChange={setNumber}
        />
        <Checkbox
          label="They have said stop"
          hint="Holds on every channel and for good."
          isChecked={isStop}
          onChange={setStop}
        />
        {!isStop && (
          <>
            <Select
              label="Not by"
              path="channel"
              value={channel}
              onChange={setChannel}
              options={[['', 'any channel'], ...channels]}
            />
            <MomentField
              label="Until"
              path="expiresAt"
              isOptional
              hint="Empty is for good."
              value={expiresAt}
              onChange={setExpires}
            />
          </>
        )}
        <TextField label="Reason" path="reason" isOptional value={reason} onChange={setReason} />
      </Form>
    </Dialog>
  );
}
