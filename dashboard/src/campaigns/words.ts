import type { Tone } from '../ui/Chip';
import type { CampaignState } from './queries';

/** States of a campaign in words. */
export const STATUS: Record<CampaignState, { text: string; tone: Tone }> = {
  DRAFT: { text: 'Draft', tone: 'plain' },
  SCHEDULED: { text: 'Scheduled', tone: 'info' },
  IN_PROGRESS: { text: 'Calling', tone: 'good' },
  PAUSED: { text: 'Paused', tone: 'warn' },
  FINISHED: { text: 'Finished', tone: 'plain' },
  FAILED: { text: 'Failed', tone: 'bad' },
  CANCELLED: { text: 'Cancelled', tone: 'plain' },
};
