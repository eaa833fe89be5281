import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { Play } from 'lucide-react';

import { api, ask } from '../../api/client';
import { useWhyNot } from '../../api/me';
import { Button } from '../../ui/Button';
import { counted } from '../../ui/format';
import { ErrorNote, Note } from '../../ui/Note';
import { Skeleton } from '../../ui/Skeleton';
import { type Campaign, campaignQuery, importsQuery, preflightQuery } from '../queries';
import styles from './Forms.module.css';
import { ListZones } from './ListZones';
import { PreflightResult } from './PreflightResult';

/** What would happen if it began now, and the button that begins it. */
export function CheckStep({ campaign }: { campaign: Campaign }) {
  const cache = useQueryClient();
  const navigate = useNavigate();
  const whyNot = useWhyNot();
  const params = { path: { campaignId: campaign.id } };
  const imports = useQuery(importsQuery(campaign.id));
  const isFilling = imports.data?.items.some(({ status }) => status === 'RUNNING') ?? true;
  const preflight = useQuery({ ...preflightQuery(campaign.id), enabled: !isFilling });
  const start = useMutation({
    mutationFn: () => ask(api.POST('/api/v1/campaigns/{campaignId}/start', { params })),
    onSuccess: async (started) => {
      void cache.invalidateQueries({ queryKey: ['campaigns', 'list'] });
      await navigate({ to: '/campaigns/$campaignId', params: { campaignId: campaign.id } });
      // Not before: this page is about drafts.
      cache.setQueryData(campaignQuery(campaign.id).queryKey, started);
    },
  });
  const isLater = campaign.startAt != null && Date.parse(campaign.startAt) > Date.now();
  return (
    <>
      <ErrorNote error={imports.error} onRetry={() => imports.refetch()} />
      {imports.data?.items.map((list) =>
        list.status === 'RUNNING' ? (
          <Note key={list.id} tone="info">
            <span role="status">The list is being read: {counted(list.accepted, 'recipient')} so far…</span>
          </Note>
        ) : list.status === 'FAILED' ? (
          <Note key={list.id} tone="bad">
            The list was not read to its end: {list.error}
          </Note>
        ) : null,
      )}
      <ErrorNote error={preflight.error} onRetry={() => preflight.refetch()} />
      {preflight.data ? <PreflightResult preflight={preflight.data} /> : !preflight.error && <Skeleton lines={5} />}
      <ListZones campaignId={campaign.id} />
      <ErrorNote error={start.error} />
      <div className={styles.buttons}>
        <Button isPending={preflight.isFetching} onClick={() => preflight.refetch()}>
          Check again
        </Button>
        <Button
          variant="primary"
          isPending={start.isPending}
          disabled={isFilling}
          why={whyNot('run campaigns')}
          onClick={() => start.mutate()}
        >
          <Play aria-hidden />
          {isLater || campaign.recurrence ? 'Schedule the campaign' : 'Start calling'}
        </Button>
      </div>
    </>
  );
}
