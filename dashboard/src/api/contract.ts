// Endpoints that the API's description does not have yet; each goes from here once it has.
import type { components } from './schema';

type Schemas = components['schemas'];

/** Who asks, and what they may: `GET /me`. */
export interface Caller {
  kind: 'user' | 'key';
  user: Schemas['User'] | null;
  key: { id: string; name: string; prefix: string } | null;
  workspace: { id: string; name: string };
  role: Schemas['Role'];
  scopes: Schemas['Scope'][] | null;
  superuser: boolean;
  may: string[];
}

/** How a campaign went in one step of time: `GET /campaigns/:id/timeline`. */
export interface TimelinePoint {
  at: string;
  begun: number;
  ended: number;
  answered: number;
  perSecond: number;
  ringing: number;
  talking: number;
}

/** How a campaign went over time. */
export interface Timeline {
  stepSeconds: number;
  points: TimelinePoint[];
}

/** `event: campaign` of `GET /live`. */
export interface LiveCampaign {
  campaignId: string;
  name: string;
  status: Schemas['CampaignState'];
  reason: string | null;
  stats: Schemas['CampaignStats'];
  /** The newest one; none before the first sample. */
  point: TimelinePoint | null;
}

/** `event: progress` of `GET /live`: one for each campaign asked for. */
export interface LiveProgress {
  campaignId: string;
  status: Schemas['CampaignState'];
  total: number;
  done: number;
  reached: number;
  talking: number;
  ringing: number;
}

/** `event: calls` of `GET /live`. */
export interface LiveCalls {
  total: number;
  items: Schemas['Session'][];
}

/** `event: fleet` of `GET /live`, and `GET /fleet`. */
export type Fleet = Schemas['Fleet'];

/** What each event of `GET /live` holds, by its name. */
export interface LiveEvents {
  campaign: LiveCampaign;
  progress: LiveProgress[];
  calls: LiveCalls;
  fleet: Fleet;
  uploads: Schemas['UploadDetail'][];
}
