import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { KeyRound, Pencil, Power, RotateCcw, Send, Trash2 } from 'lucide-react';
import { useState } from 'react';

import { useWhyNot } from '../api/me';
import { Button } from '../ui/Button';
import { Confirm } from '../ui/Dialog';
import { Menu } from '../ui/Menu';
import { ErrorNote } from '../ui/Note';
import { toast } from '../ui/toast';
import { EndpointDialog } from './EndpointDialog';
import { changeWebhook, deleteWebhook, type Webhook, type WebhookMade } from './queries';
import { ReplayDialog } from './ReplayDialog';
import { RotateDialog } from './RotateDialog';
import { Secret } from './Secret';
import { TestDialog } from './TestDialog';

type Open = 'test' | 'edit' | 'rotate' | 'replay' | 'off' | 'delete' | null;

/** What may be done with an endpoint. */
export function Actions({ webhook }: { webhook: Webhook }) {
  const [open, setOpen] = useState<Open>(null);
  const [made, setMade] = useState<WebhookMade | null>(null);
  const why = useWhyNot()('edit webhooks');
  const noTest = why ?? (webhook.samora ? 'It is told in Samora’s words, of which there are no samples.' : undefined);
  const noReplay = why ?? (webhook.isActive ? undefined : 'It is switched off. Switch it on first.');
  const cache = useQueryClient();
  const navigate = useNavigate();
  const renew = () => cache.invalidateQueries({ queryKey: ['webhooks'] });
  const switchOn = useMutation({
    mutationFn: () => changeWebhook(webhook.id, { isActive: true }),
    onSuccess: () => {
      toast('The endpoint is on');
      return renew();
    },
  });
  const close = () => setOpen(null);
  return (
    <>
      <ErrorNote error={switchOn.error} />
      {webhook.isActive ? (
        <Button why={noTest} onClick={() => setOpen('test')}>
          <Send aria-hidden />
          Send a test
        </Button>
      ) : (
        <Button why={why} isPending={switchOn.isPending} onClick={() => switchOn.mutate()}>
          <Power aria-hidden />
          Switch on
        </Button>
      )}
      <Menu
        trigger="More"
        choices={[
          { label: 'Change it', icon: <Pencil aria-hidden />, why, onChoose: () => setOpen('edit') },
          { label: 'Replay many', icon: <RotateCcw aria-hidden />, why: noReplay, onChoose: () => setOpen('replay') },
          { label: 'Rotate the secret', icon: <KeyRound aria-hidden />, why, onChoose: () => setOpen('rotate') },
          ...(webhook.isActive
            ? [{ label: 'Switch off', icon: <Power aria-hidden />, why, onChoose: () => setOpen('off' as const) }]
            : []),
          { label: 'Delete', icon: <Trash2 aria-hidden />, isDanger: true, why, onChoose: () => setOpen('delete') },
        ]}
      />
      {open === 'test' && <TestDialog webhook={webhook} onClose={close} />}
      {open === 'edit' && <EndpointDialog of={webhook} onSaved={close} onClose={close} />}
      {open === 'replay' && <ReplayDialog webhook={webhook} onClose={close} />}
      {open === 'rotate' && (
        <RotateDialog
          webhook={webhook}
          onMade={(rotated) => {
            close();
            setMade(rotated);
          }}
          onClose={close}
        />
      )}
      {made && <Secret of={made} onClose={() => setMade(null)} />}
      {open === 'off' && (
        <Confirm
          title="Switch the endpoint off?"
          confirm="Switch it off"
          onClose={close}
          onConfirm={async () => {
            await changeWebhook(webhook.id, { isActive: false });
            toast('The endpoint is off');
            await renew();
          }}
        >
          What is on its way to it is given up. Switched on again, it gets what happens from then on; what was given up
          can be replayed.
        </Confirm>
      )}
      {open === 'delete' && (
        <Confirm
          title="Delete the endpoint?"
          confirm="Delete the endpoint"
          isDangerous
          onClose={close}
          onConfirm={async () => {
            await deleteWebhook(webhook.id);
            toast('Endpoint deleted');
            await navigate({ to: '/webhooks' });
            cache.removeQueries({ queryKey: ['webhooks', 'one', webhook.id] });
            await cache.invalidateQueries({ queryKey: ['webhooks', 'list'] });
          }}
        >
          What is on its way to it is not sent any more, and what was sent to it cannot be looked at any more.
        </Confirm>
      )}
    </>
  );
}
