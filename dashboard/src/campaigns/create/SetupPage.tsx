import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';

import { ButtonLink } from '../../ui/Button';
import { ErrorNote, Note } from '../../ui/Note';
import { Page } from '../../ui/Page';
import { Skeleton } from '../../ui/Skeleton';
import { type Campaign, campaignQuery } from '../queries';
import { StatusChip } from '../StatusChip';
import { CheckStep } from './CheckStep';
import { HoursForm } from './HoursForm';
import { LimitsForm } from './LimitsForm';
import { PlanForm } from './PlanForm';
import { StepsNav } from './StepsNav';
import { after, type StepName } from './steps';

/** The later steps, about a draft that the server has: each keeps what was filled in before it goes on. */
export function SetupPage() {
  const { campaignId } = useParams({ from: '/shell/campaigns/$campaignId/setup' });
  const { step } = useSearch({ from: '/shell/campaigns/$campaignId/setup' });
  const campaign = useQuery(campaignQuery(campaignId));
  return (
    <Page
      title={campaign.data?.name ?? 'Campaign'}
      crumb={<Link to="/campaigns">Campaigns</Link>}
      aside={campaign.data && <StatusChip status={campaign.data.status} />}
    >
      <StepsNav now={step} campaignId={campaignId} />
      <ErrorNote error={campaign.error} onRetry={() => campaign.refetch()} />
      {campaign.isPending && <Skeleton />}
      {campaign.data && <StepOf campaign={campaign.data} step={step} />}
    </Page>
  );
}

function StepOf({ campaign, step }: { campaign: Campaign; step: StepName }) {
  const navigate = useNavigate({ from: '/campaigns/$campaignId/setup' });
  const onSaved = () => void navigate({ search: { step: after(step) } });
  if (campaign.status !== 'DRAFT') {
    const to = { to: '/campaigns/$campaignId', params: { campaignId: campaign.id } } as const;
    return <Note action={<ButtonLink {...to}>Open it</ButtonLink>}>This campaign is no draft any more.</Note>;
  }
  switch (step) {
    case 'hours':
      return <HoursForm campaign={campaign} save="Continue" onSaved={onSaved} />;
    case 'limits':
      return <LimitsForm campaign={campaign} save="Continue" onSaved={onSaved} />;
    case 'check':
      return <CheckStep campaign={campaign} />;
    default:
      return <PlanForm campaign={campaign} save="Continue" onSaved={onSaved} />;
  }
}
