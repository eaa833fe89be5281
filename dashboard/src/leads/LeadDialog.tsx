import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useId, useState } from 'react';

import { anyObject } from '../api/contract';
import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { TextField } from '../ui/Field';
import { Form } from '../ui/Form';
import { type Pair, Pairs } from '../ui/Pairs';
import { toast } from '../ui/toast';
import { attributesOf, pairsOf } from './attributes';
import { changeLead, type Lead, makeLead } from './queries';

/** Makes a lead, or changes one. */
export function LeadDialog({
  of,
  onSaved,
  onClose,
}: {
  of?: Lead;
  onSaved: (lead: Lead) => void;
  onClose: () => void;
}) {
  const form = useId();
  const [number, setNumber] = useState(of?.number ?? '');
  const [email, setEmail] = useState(of?.email ?? '');
  const [timezone, setTimezone] = useState(of?.timezone ?? '');
  const [pairs, setPairs] = useState<readonly Pair[]>(() => pairsOf(of?.attributes));
  const cache = useQueryClient();
  const save = useMutation({
    mutationFn: () => {
      const body = {
        number: number.replace(/[\s().-]/g, ''),
        email: email.trim() || null,
        timezone: timezone.trim() || null,
        attributes: anyObject(attributesOf(pairs, of?.attributes)),
      };
      return of ? changeLead(of.id, body) : makeLead(body);
    },
    onSuccess: async (lead) => {
      await cache.invalidateQueries({ queryKey: ['leads'] });
      toast(of ? 'Lead saved' : 'Lead made');
      onSaved(lead);
    },
  });
  return (
    <Dialog
      title={of ? 'Change the lead' : 'New lead'}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button variant="primary" type="submit" form={form} isPending={save.isPending}>
            {of ? 'Save' : 'Make the lead'}
          </Button>
        </>
      }
    >
      <Form id={form} error={save.error} onSubmit={() => save.mutate()}>
        <TextField
          label="Number"
          path="number"
          type="tel"
          required
          placeholder="+14155550100"
          value={number}
          onChange={setNumber}
        />
        <TextField label="E-mail" path="email" type="email" isOptional value={email} onChange={setEmail} />
        <TextField
          label="Time zone"
          path="timezone"
          isOptional
          placeholder="Europe/Berlin"
          hint="Where they are, if that is not where the number belongs."
          value={timezone}
          onChange={setTimezone}
        />
        <Pairs label="Attributes" add="Add an attribute" pairs={pairs} onChange={setPairs} />
      </Form>
    </Dialog>
  );
}
