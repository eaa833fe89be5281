import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

import { api, ask } from '../../api/client';
import { useWhyNot } from '../../api/me';
import { Button } from '../../ui/Button';
import { TextField } from '../../ui/Field';
import { moment } from '../../ui/format';
import { ErrorNote } from '../../ui/Note';
import { toast } from '../../ui/toast';
import formStyles from '../create/Forms.module.css';
import type { Recipient } from '../queries';

/** Has one recipient called next at a time of one's choice, or as soon as may be. */
export function CallBack({ recipient: { id, campaignId } }: { recipient: Recipient }) {
  const cache = useQueryClient();
  const whyNot = useWhyNot();
  const [isOpen, setOpen] = useState(false);
  const [at, setAt] = useState('');
  const reschedule = useMutation({
    mutationFn: () => {
      const params = { path: { campaignId, recipientId: id } };
      const body = at === '' ? {} : { at: new Date(at).toISOString() };
      return ask(api.POST('/api/v1/campaigns/{campaignId}/recipients/{recipientId}/reschedule', { params, body }));
    },
    onSuccess: async ({ dueAt }) => {
      toast(`To be called ${Date.parse(dueAt) > Date.now() ? moment(dueAt) : 'next'}`);
      setOpen(false);
      await cache.invalidateQueries({ queryKey: ['campaigns', 'one', campaignId, 'recipients'] });
    },
  });
  if (!isOpen) {
    return (
      <div>
        <Button why={whyNot('run campaigns')} onClick={() => setOpen(true)}>
          Call back…
        </Button>
      </div>
    );
  }
  return (
    <form
      className={formStyles.form}
      onSubmit={(event) => {
        event.preventDefault();
        reschedule.mutate();
      }}
    >
      <TextField
        label="Call back at"
        type="datetime-local"
        hint="On your clock. Empty is as soon as their hours allow it."
        value={at}
        onChange={setAt}
      />
      <ErrorNote error={reschedule.error} />
      <div className={formStyles.buttons}>
        <Button variant="quiet" onClick={() => setOpen(false)}>
          Never mind
        </Button>
        <Button type="submit" isPending={reschedule.isPending}>
          Call back then
        </Button>
      </div>
    </form>
  );
}
