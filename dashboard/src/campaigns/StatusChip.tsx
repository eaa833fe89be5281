import { Chip } from '../ui/Chip';
import type { CampaignState } from './queries';
import { STATUS } from './words';

/** The state of a campaign. */
export function StatusChip({ status }: { status: CampaignState }) {
  const { text, tone } = STATUS[status];
  return (
    <Chip tone={tone} isLive={status === 'IN_PROGRESS'}>
      {text}
    </Chip>
  );
}
