import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useId, useState } from 'react';

import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { Checkbox, TextField } from '../ui/Field';
import { Form } from '../ui/Form';
import { Note } from '../ui/Note';
import { plainNumber } from '../ui/phone';
import { toast } from '../ui/toast';
import { erase } from './queries';

/** Asks for a person to be erased, which cannot be taken back: the number is typed twice. */
export function EraseDialog({ onClose }: { onClose: () => void }) {
  const form = useId();
  const [number, setNumber] = useState('');
  const [again, setAgain] = useState('');
  const [reason, setReason] = useState('');
  const [bars, setBars] = useState(true);
  const [isOff, setOff] = useState(false);
  const cache = useQueryClient();
  const order = useMutation({
    mutationFn: () => erase({ number: plainNumber(number), reason: reason.trim() || null, bars }),
    onSuccess: async () => {
      toast('The erasure has begun');
      onClose();
      await cache.invalidateQueries();
    },
  });
  const submit = () => {
    const isSame = plainNumber(number) === plainNumber(again);
    setOff(!isSame);
    if (isSame) order.mutate();
  };
  return (
    <Dialog
      title="Erase a person"
      isQuestion
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Leave it as it is</Button>
          <Button variant="danger" type="submit" form={form} isPending={order.isPending}>
            Erase the person
          </Button>
        </>
      }
    >
      <Note tone="bad">
        Number, variables, recordings, transcripts, replies and webhooks about this number are deleted for ever, in
        every campaign of this workspace. Figures stay. Nobody can bring it back.
      </Note>
      <Form id={form} error={order.error} onSubmit={submit}>
        <TextField label="Number" path="number" type="tel" required value={number} onChange={setNumber} />
        <TextField
          label="The number once more"
          type="tel"
          required
          error={isOff ? 'The two are not the same.' : null}
          value={again}
          onChange={setAgain}
        />
        <TextField
          label="Reason"
          path="reason"
          isOptional
          hint="Stands in the receipt: no number, no name."
          value={reason}
          onChange={setReason}
        />
        <Checkbox
          label="Keep the number out from now on"
          hint="By a keyed hash alone: it is not called, and not taken into a campaign."
          isChecked={bars}
          onChange={setBars}
        />
      </Form>
    </Dialog>
  );
}
