import type { components } from '../api/schema';
import type { Tone } from '../ui/Chip';

type Schemas = components['schemas'];
type Said<K extends string> = Readonly<Record<K, { text: string; tone: Tone }>>;

/** States of a campaign. */
export const STATUS: Said<Schemas['CampaignState']> = {
  DRAFT: { text: 'Draft', tone: 'plain' },
  SCHEDULED: { text: 'Scheduled', tone: 'info' },
  IN_PROGRESS: { text: 'Calling', tone: 'good' },
  PAUSED: { text: 'Paused', tone: 'warn' },
  FINISHED: { text: 'Finished', tone: 'plain' },
  FAILED: { text: 'Failed', tone: 'bad' },
  CANCELLED: { text: 'Cancelled', tone: 'plain' },
};

/** How a call, or a message, ended. */
export const OUTCOME: Said<Schemas['Outcome']> = {
  ANSWERED: { text: 'Answered', tone: 'good' },
  UNANSWERED: { text: 'Not answered', tone: 'plain' },
  REJECTED: { text: 'Busy or declined', tone: 'warn' },
  VOICEMAIL: { text: 'Voicemail', tone: 'info' },
  ABANDONED: { text: 'Abandoned', tone: 'bad' },
  FAILED: { text: 'Failed', tone: 'bad' },
  UNCERTAIN: { text: 'Uncertain', tone: 'warn' },
  SENT: { text: 'Sent', tone: 'plain' },
  DELIVERED: { text: 'Delivered', tone: 'info' },
  READ: { text: 'Read', tone: 'good' },
};

/** How a recipient ended. */
export const DISPOSITION: Said<Schemas['Disposition']> = {
  REACHED: { text: 'Reached', tone: 'good' },
  MESSAGED: { text: 'Messaged', tone: 'info' },
  EXHAUSTED: { text: 'Every attempt made', tone: 'plain' },
  SUPPRESSED: { text: 'Must not be called', tone: 'warn' },
  EXPIRED: { text: 'Time ran out', tone: 'warn' },
  INVALID: { text: 'Cannot be called', tone: 'bad' },
  CANCELLED: { text: 'Cancelled', tone: 'plain' },
};

/** Where a recipient stands. */
export const RECIPIENT: Said<Schemas['RecipientState']> = {
  PENDING: { text: 'Waiting', tone: 'plain' },
  QUEUED: { text: 'About to be called', tone: 'accent' },
  ACTIVE: { text: 'Being called', tone: 'good' },
  DONE: { text: 'Done', tone: 'plain' },
};

/** How a step of the plan stands for a recipient. */
export const STEP: Said<Schemas['ChipState']> = {
  WAITING: { text: 'to come', tone: 'plain' },
  IN_PROGRESS: { text: 'in progress', tone: 'accent' },
  CONNECTED: { text: 'connected', tone: 'good' },
  TRIED: { text: 'tried', tone: 'warn' },
  SKIPPED: { text: 'skipped', tone: 'plain' },
};

/** Ways to reach somebody. */
export const CHANNEL: Readonly<Record<Schemas['Channel'], string>> = {
  voice: 'Call',
  whatsapp: 'WhatsApp',
  sms: 'Text message',
  email: 'E-mail',
};

/** Why somebody is not called right now: a few words, and what it means. */
export const HOLD: Readonly<Record<Schemas['Hold'], { text: string; meaning: string }>> = {
  WINDOW: {
    text: 'Outside calling hours',
    meaning: 'It is too early or too late where they are. They are called when the hours open.',
  },
  PACE: {
    text: 'Pace',
    meaning:
      'As many calls per second as agreed are being placed, or what a call needs, like a voice for its text, is not there yet. They are next.',
  },
  CONCURRENCY: { text: 'Lines busy', meaning: 'As many calls as allowed are live. The next free line is theirs.' },
  SEATS: { text: 'No free seat', meaning: 'Nobody would be free to talk if they picked up.' },
  GAP: { text: 'Called lately', meaning: 'Their number was called a short while ago, or often enough today.' },
  CALLER_ID: {
    text: 'Caller IDs used up',
    meaning: 'Every number of the pool has been shown as often as it may be today.',
  },
  SUPPRESSED: { text: 'Must not be called', meaning: 'Their number is on a suppression list.' },
  PAUSED: { text: 'Paused', meaning: 'The campaign is paused. They are called after the next start.' },
  TRUNK: {
    text: 'Trunk takes no calls',
    meaning: 'It refuses calls, does not answer, or somebody has paused it. They are called once it takes calls again.',
  },
  RETRY: {
    text: 'Waiting to be tried again',
    meaning: 'They were not reached; the wait between two attempts is not over.',
  },
  TURN: { text: 'Others first', meaning: 'They are called as soon as it is their turn and a worker takes calls.' },
};

const REASONS: Readonly<Record<string, string>> = {
  suppressed: 'on a suppression list',
  called_lately: 'another campaign has called the number lately',
  expired: 'waited too long',
  unknown_timezone: 'nobody knows what time it is there',
  no_legal_hour: 'no hour suits everywhere they may be',
  missing_variable: 'a value that the text needs is missing',
  text_too_long: 'their values make the text too long',
  gate_closed: 'the step before did not end that way',
  not_carried_out: 'not carried out',
  reached: 'reached before',
  exhausted: 'every attempt was made before',
  invalid: 'the number does not work',
  cancelled: 'cancelled before',
  messaged: 'messaged before',
  declined: 'the callee declined',
  busy: 'busy',
  bad_number: 'there is no such number',
  no_answer: 'nobody picked up',
  hangup: 'the callee hung up',
  completed: 'ended as planned',
  beep: 'a machine answered',
  opted_out: 'asked not to be called again',
  transferred: 'handed on',
  network: 'trouble in the network',
  forbidden: 'the trunk refuses the number',
  auth: 'the trunk refuses our password',
  trunk_silent: 'the trunk does not answer',
  hung_up: 'hung up by a pause',
  no_free_seat: 'nobody was free to talk',
  agent_unreachable: 'the agent could not be reached',
  agent_lost: 'the agent was lost',
  silence: 'both sides were silent',
  no_address: 'no address for this channel',
  missed_slot: 'it could not begin in time for its turn, and has the next one',
  speech_unavailable: 'nobody makes speech of what the agent says',
  speech_refused: 'the provider of speech refuses what the agent says',
  greeting_unusable: "the agent's recording cannot be played",
  throttled: 'the trunk asks for less at a time',
  trunk_busy: 'the trunk has no line free',
};

/** A reason of the API in words; one that is not known is shown as it is. */
export const reason = (code: string): string => REASONS[code] ?? code.replaceAll('_', ' ');

/** Why a row was rejected. The API's reasons begin with their code, for programs. */
export function rejected(why: string): string {
  const columns = /^wrong_column_count: expected (\d+), found (\d+)/.exec(why);
  if (columns) return `the row has ${columns[2]} columns, the others ${columns[1]}`;
  return why.replace(/^[a-z_]+: /, '');
}
