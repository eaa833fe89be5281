import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { Copy, Download, Ellipsis, OctagonX, Pause, Play, RotateCcw } from 'lucide-react';
import { useState } from 'react';

import { api, ask } from '../../api/client';
import { download } from '../../api/download';
import { useWhyNot } from '../../api/me';
import { Button } from '../../ui/Button';
import { Menu } from '../../ui/Menu';
import { ErrorNote } from '../../ui/Note';
import { toast } from '../../ui/toast';
import { type Campaign, campaignQuery } from '../queries';
import { RetryDialog } from './RetryDialog';
import { CancelDialog, PauseDialog } from './StopDialogs';

const OVER: readonly Campaign['status'][] = ['FINISHED', 'FAILED', 'CANCELLED'];

/** What may be done about a campaign in the state it is in. */
export function Actions({ campaign }: { campaign: Campaign }) {
  const { id, name, status } = campaign;
  const cache = useQueryClient();
  const navigate = useNavigate();
  const whyNot = useWhyNot();
  const [asked, setAsked] = useState<'pause' | 'cancel' | 'retry' | null>(null);
  const why = whyNot('run campaigns');
  const params = { path: { campaignId: id } };
  const start = useMutation({
    mutationFn: () => ask(api.POST('/api/v1/campaigns/{campaignId}/start', { params })),
    onSuccess: (started) => cache.setQueryData(campaignQuery(id).queryKey, started),
  });
  const clone = useMutation({
    mutationFn: () => ask(api.POST('/api/v1/campaigns/{campaignId}/clone', { params, body: {} })),
    onSuccess: async (made) => {
      toast('Campaign cloned; this is the copy');
      await navigate({ to: '/campaigns/$campaignId', params: { campaignId: made.id } });
    },
  });
  const save = useMutation({
    mutationFn: (kind: 'csv' | 'jsonl') => download(`/api/v1/campaigns/${id}/results.${kind}`, `${name}.${kind}`),
  });
  const isOver = OVER.includes(status);
  const canStart = status === 'PAUSED' || status === 'DRAFT' || status === 'SCHEDULED';
  return (
    <>
      <ErrorNote error={start.error ?? clone.error ?? save.error} />
      {canStart && (
        <Button variant="primary" why={why} isPending={start.isPending} onClick={() => start.mutate()}>
          <Play aria-hidden />
          {status === 'PAUSED' ? 'Resume' : 'Start'}
        </Button>
      )}
      {(status === 'IN_PROGRESS' || status === 'SCHEDULED') && (
        <Button why={why} onClick={() => setAsked('pause')}>
          <Pause aria-hidden />
          {status === 'SCHEDULED' ? 'Unschedule' : 'Pause'}
        </Button>
      )}
      {isOver && (
        <Button why={why} onClick={() => setAsked('retry')}>
          <RotateCcw aria-hidden />
          Try again
        </Button>
      )}
      <Menu
        label="More"
        trigger={<Ellipsis aria-hidden />}
        choices={[
          { label: 'Results as CSV', icon: <Download aria-hidden />, onChoose: () => save.mutate('csv') },
          { label: 'Results as JSON lines', icon: <Download aria-hidden />, onChoose: () => save.mutate('jsonl') },
          { label: 'Clone', icon: <Copy aria-hidden />, why, onChoose: () => clone.mutate() },
          ...(isOver
            ? []
            : [
                {
                  label: 'Cancel the campaign…',
                  icon: <OctagonX aria-hidden />,
                  isDanger: true,
                  why,
                  onChoose: () => setAsked('cancel'),
                },
              ]),
        ]}
      />
      {asked === 'pause' && <PauseDialog campaign={campaign} onClose={() => setAsked(null)} />}
      {asked === 'cancel' && <CancelDialog campaign={campaign} onClose={() => setAsked(null)} />}
      {asked === 'retry' && <RetryDialog campaign={campaign} onClose={() => setAsked(null)} />}
    </>
  );
}
