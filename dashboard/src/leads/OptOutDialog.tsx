import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useId, useState } from 'react';

import { CHANNEL } from '../campaigns/words';
import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { Checkbox, Select, TextField } from '../ui/Field';
import { Form } from '../ui/Form';
import { toast } from '../ui/toast';
import { type Lead, optOut } from './queries';

type Channel = keyof typeof CHANNEL;
const CHANNELS = (Object.keys(CHANNEL) as Channel[]).map((it) => [it, CHANNEL[it]] as const);

/** Notes that somebody is not to be contacted, on one channel or any. */
export function OptOutDialog({ lead, onClose }: { lead: Lead; onClose: () => void }) {
  const form = useId();
  const [channel, setChannel] = useState<Channel | ''>('');
  const [isStop, setStop] = useState(false);
  const [reason, setReason] = useState('');
  const cache = useQueryClient();
  const add = useMutation({
    mutationFn: () =>
      optOut(lead.id, {
        channel: isStop ? null : channel || null,
        source: isStop ? 'STOP' : 'OPERATOR',
        reason: reason.trim() || null,
      }),
    onSuccess: async () => {
      toast('The opt-out holds');
      await cache.invalidateQueries({ queryKey: ['leads'] });
      await cache.invalidateQueries({ queryKey: ['suppressions'] });
      onClose();
    },
  });
  return (
    <Dialog
      title={`Opt-out of ${lead.number}`}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button variant="primary" type="submit" form={form} isPending={add.isPending}>
            Add the opt-out
          </Button>
        </>
      }
    >
      <Form id={form} error={add.error} onSubmit={() => add.mutate()}>
        <Checkbox label="They have said stop" hint="Holds on every channel." isChecked={isStop} onChange={setStop} />
        {!isStop && (
          <Select
            label="Not by"
            path="optOuts[0].channel"
            hint="It holds for good, for every campaign, from now on. Until a day: on the page of suppressions."
            value={channel}
            onChange={setChannel}
            options={[['', 'any channel'], ...CHANNELS]}
          />
        )}
        <TextField
          label="Reason"
          path="optOuts[0].reason"
          isOptional
          hint="Where it comes from, in case somebody asks."
          value={reason}
          onChange={setReason}
        />
      </Form>
    </Dialog>
  );
}
