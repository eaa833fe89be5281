import type { components } from '../../api/schema';
import { numberOf } from '../../ui/Field';
import type { Campaign } from '../queries';

type Changes = components['schemas']['CampaignChanges'];

/** Limits, caps and times as they are being typed. */
export interface LimitsDraft {
  callsPerSecond: string;
  maxLiveCalls: string;
  minGapMinutes: string;
  maxPer24h: string;
  maxPer7d: string;
  weight: string;
  brakePercent: string;
  brakeCalls: string;
  brakeThen: 'PAUSED' | 'FAILED';
  ringTimeoutSeconds: string;
  maxCallSeconds: string;
  dupeDays: string;
  expireDays: string;
  startAt: string;
  endAt: string;
}

/** What may be changed while it calls. */
const WHILE_CALLING = ['limits', 'caps', 'weight', 'brake'] as const;

const text = (value: number | null | undefined): string => (value == null ? '' : String(value));

/** What a campaign has, for changing. */
export function draftOf(campaign: Campaign): LimitsDraft {
  const { limits, caps, brake } = campaign;
  return {
    callsPerSecond: text(limits.callsPerSecond),
    maxLiveCalls: text(limits.maxLiveCalls),
    minGapMinutes: text(caps.minGapMinutes),
    maxPer24h: text(caps.maxPer24h),
    maxPer7d: text(caps.maxPer7d),
    weight: text(campaign.weight),
    brakePercent: text(Math.round((brake.share ?? 0.5) * 100)),
    brakeCalls: text(brake.calls ?? 50),
    brakeThen: brake.then ?? 'PAUSED',
    ringTimeoutSeconds: text(campaign.ringTimeoutSeconds),
    maxCallSeconds: text(campaign.maxCallSeconds),
    dupeDays: text(campaign.dupeDays),
    expireDays: text(campaign.expireDays),
    startAt: localTime(campaign.startAt),
    endAt: localTime(campaign.endAt),
  };
}

/** The fields that hold no number, or none where one is needed; and a percentage that is none, for the API would speak of shares of 1. */
export function wrongFields(draft: LimitsDraft): Set<keyof LimitsDraft> {
  const times: (keyof LimitsDraft)[] = ['startAt', 'endAt', 'brakeThen'];
  const needed: (keyof LimitsDraft)[] = [
    'weight',
    'brakePercent',
    'brakeCalls',
    'ringTimeoutSeconds',
    'maxCallSeconds',
  ];
  const names = (Object.keys(draft) as (keyof LimitsDraft)[]).filter((name) => !times.includes(name));
  return new Set(
    names.filter((name) => {
      const number = numberOf(draft[name]);
      if (name === 'brakePercent' && number != null) return number < 1 || number > 100;
      return number === undefined || (number === null && needed.includes(name));
    }),
  );
}

/** What has been changed, as the API wants it; of a campaign that calls no more than may be changed then. */
export function changesOf(campaign: Campaign, draft: LimitsDraft): Changes {
  const [before, now] = [bodyOf(draftOf(campaign)), bodyOf(draft)];
  const names = (Object.keys(now) as (keyof typeof now)[]).filter(
    (name) => JSON.stringify(before[name]) !== JSON.stringify(now[name]),
  );
  const allowed = names.filter(
    (name) => campaign.status !== 'IN_PROGRESS' || (WHILE_CALLING as readonly string[]).includes(name),
  );
  return Object.fromEntries(allowed.map((name) => [name, now[name]]));
}

function bodyOf(draft: LimitsDraft) {
  const number = (name: keyof LimitsDraft) => numberOf(draft[name]) ?? null;
  const some = (names: (keyof LimitsDraft)[]) =>
    Object.fromEntries(names.map((name) => [name, number(name)]).filter(([, value]) => value !== null));
  return {
    limits: some(['callsPerSecond', 'maxLiveCalls']),
    caps: some(['minGapMinutes', 'maxPer24h', 'maxPer7d']),
    weight: number('weight'),
    brake: { share: (number('brakePercent') ?? 50) / 100, calls: number('brakeCalls') ?? 50, then: draft.brakeThen },
    ringTimeoutSeconds: number('ringTimeoutSeconds'),
    maxCallSeconds: number('maxCallSeconds'),
    dupeDays: number('dupeDays'),
    expireDays: number('expireDays'),
    startAt: draft.startAt ? new Date(draft.startAt).toISOString() : null,
    endAt: draft.endAt ? new Date(draft.endAt).toISOString() : null,
  };
}

/** As an input of the kind datetime-local has it: on the clock of whoever reads. */
function localTime(at: string | null | undefined): string {
  if (at == null) return '';
  const then = new Date(at);
  return new Date(then.getTime() - then.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
