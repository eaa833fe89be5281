// The parts of the API's description that have no request of their own, by shorter names.
import type { components } from './schema';

type Schemas = components['schemas'];

/** Who asks, and what they may: `GET /me`. */
export type Caller = Schemas['WhoAsks'];

/** How a campaign went in one step of time. */
export type TimelinePoint = Schemas['CampaignTimelinePoint'];

/** How a campaign went over time: `GET /campaigns/:id/timeline`. */
export type Timeline = Schemas['CampaignTimeline'];

/** `event: campaign` of `GET /live`. */
export type LiveCampaign = Schemas['LiveCampaign'];

/** `event: progress` of `GET /live`: one for each campaign asked for. */
export type LiveProgress = Schemas['LiveProgress'];

/** `event: calls` of `GET /live`, and `GET /sessions/live`. */
export type LiveCalls = Schemas['LiveCalls'];

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

/** An object of any shape, as the description's types want it: they know it as one without properties. */
export const anyObject = (object: Readonly<Record<string, unknown>>) => object as Record<string, never>;
