import { useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, Outlet, useParams } from '@tanstack/react-router';
import { useEffect } from 'react';

import { useLiveCampaign } from '../../api/use-live';
import { ButtonLink } from '../../ui/Button';
import { ErrorNote, Note } from '../../ui/Note';
import { Page } from '../../ui/Page';
import { Tabs } from '../../ui/Tabs';
import { campaignQuery } from '../queries';
import { StatusChip } from '../StatusChip';
import { Actions } from './Actions';

/** One campaign: what it is doing, what may be done about it, and its parts. */
export function CampaignPage() {
  const { campaignId } = useParams({ from: '/shell/campaigns/$campaignId' });
  const cache = useQueryClient();
  const campaign = useQuery(campaignQuery(campaignId));
  const live = useLiveCampaign(campaignId);
  const status = live?.status ?? campaign.data?.status;
  // Whoever or whatever changed its state: what is shown of its settings may be old.
  useEffect(() => {
    if (status !== undefined)
      void cache.invalidateQueries({ queryKey: campaignQuery(campaignId).queryKey, exact: true });
  }, [cache, campaignId, status]);
  const reason = live ? live.reason : campaign.data?.reason;
  const to = { params: { campaignId } };
  return (
    <Page
      title={live?.name ?? campaign.data?.name ?? 'Campaign'}
      crumb={<Link to="/campaigns">Campaigns</Link>}
      aside={status && <StatusChip status={status} />}
      actions={campaign.data && status && <Actions campaign={{ ...campaign.data, status }} />}
    >
      <ErrorNote error={campaign.error} onRetry={() => campaign.refetch()} />
      {reason && <Note tone={status === 'FAILED' ? 'bad' : 'warn'}>It stopped by itself: {reason}.</Note>}
      {status === 'DRAFT' && (
        <Note
          tone="info"
          action={
            <ButtonLink to="/campaigns/$campaignId/setup" params={{ campaignId }} search={{ step: 'channels' }}>
              Go on setting it up
            </ButtonLink>
          }
        >
          This is a draft. Nobody is called before it is started.
        </Note>
      )}
      {campaign.data && (
        <>
          <Tabs
            label="Parts of the campaign"
            tabs={[
              { name: 'Overview', to: '/campaigns/$campaignId', isExact: true, ...to },
              { name: 'Recipients', to: '/campaigns/$campaignId/recipients', ...to },
              { name: 'Settings', to: '/campaigns/$campaignId/settings', ...to },
            ]}
          />
          <Outlet />
        </>
      )}
    </Page>
  );
}
