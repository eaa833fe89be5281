import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useId, useState } from 'react';

import { Button } from '../ui/Button';
import { Dialog } from '../ui/Dialog';
import { Select } from '../ui/Field';
import { Form } from '../ui/Form';
import { rotateSecret, type Webhook, type WebhookMade } from './queries';

const OVERLAPS: [string, string][] = [
  ['86400', 'For a day'],
  ['604800', 'For a week'],
  ['0', 'No longer: the old one has leaked'],
];

/** Makes a new secret; says how long the old one goes on signing. */
export function RotateDialog({
  webhook,
  onMade,
  onClose,
}: {
  webhook: Webhook;
  onMade: (made: WebhookMade) => void;
  onClose: () => void;
}) {
  const form = useId();
  const [overlap, setOverlap] = useState('86400');
  const cache = useQueryClient();
  const rotate = useMutation({
    mutationFn: () => rotateSecret(webhook.id, Number(overlap)),
    // Its answer has the secret, which is nobody's to keep.
    gcTime: 0,
    onSuccess: async (made) => {
      onMade(made);
      await cache.invalidateQueries({ queryKey: ['webhooks'] });
    },
  });
  return (
    <Dialog
      title="Rotate the secret"
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Leave it as it is</Button>
          <Button
            variant={overlap === '0' ? 'danger' : 'primary'}
            type="submit"
            form={form}
            isPending={rotate.isPending}
          >
            Make a new secret
          </Button>
        </>
      }
    >
      <Form id={form} error={rotate.error} onSubmit={() => rotate.mutate()}>
        <Select
          label="The old secret goes on signing"
          path="overlapSeconds"
          hint={
            overlap === '0'
              ? 'From now on a receiver that knows only the old secret refuses every request.'
              : 'Requests carry both signatures meanwhile, so receivers can change at leisure.'
          }
          value={overlap}
          onChange={setOverlap}
          options={OVERLAPS}
        />
      </Form>
    </Dialog>
  );
}
