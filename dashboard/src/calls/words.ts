import type { components } from '../api/schema';
import type { Tone } from '../ui/Chip';

type Schemas = components['schemas'];
type Said<K extends string> = Readonly<Record<K, { text: string; tone: Tone }>>;

/** Where a call, or a message, stands. */
export const CALL: Said<Schemas['CallState']> = {
  PENDING: { text: 'Waiting', tone: 'plain' },
  TRIGGERED: { text: 'Ringing', tone: 'accent' },
  ONGOING: { text: 'Talking', tone: 'good' },
  CALL_FINISHED: { text: 'Answered', tone: 'good' },
  UNANSWERED: { text: 'Not answered', tone: 'plain' },
  REJECTED: { text: 'Busy or declined', tone: 'warn' },
  VOICEMAIL: { text: 'Voicemail', tone: 'info' },
  FAILED: { text: 'Failed', tone: 'bad' },
  UNCERTAIN: { text: 'Uncertain', tone: 'warn' },
  CANCELLED: { text: 'Cancelled', tone: 'plain' },
  SENT: { text: 'Sent', tone: 'plain' },
  DELIVERED: { text: 'Delivered', tone: 'info' },
  READ: { text: 'Read', tone: 'good' },
};

const LIVE: readonly Schemas['CallState'][] = ['TRIGGERED', 'ONGOING'];
const OPEN: readonly Schemas['CallState'][] = ['PENDING', ...LIVE];

/** Whether it rings or talks. */
export const isLive = (status: Schemas['CallState']): boolean => LIVE.includes(status);

/** Whether it is still to come to something. */
export const isOpen = (status: Schemas['CallState']): boolean => OPEN.includes(status);

/** Who ended it. */
export const ENDED_BY: Readonly<Record<Schemas['EndedBy'], string>> = {
  callee: 'the callee',
  caller: 'our side',
  carrier: 'the carrier',
};

/** Who seems to have picked up. */
export const GUESS: Readonly<Record<Schemas['Guess'], string>> = {
  human: 'Person',
  machine: 'Machine',
};

// RFC 3261 §21, and the later ones that carriers use.
const SIP: Readonly<Record<number, string>> = {
  200: 'OK',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  407: 'Proxy Authentication Required',
  408: 'Request Timeout',
  410: 'Gone',
  415: 'Unsupported Media Type',
  429: 'Too Many Requests',
  480: 'Temporarily Unavailable',
  484: 'Address Incomplete',
  486: 'Busy Here',
  487: 'Request Terminated',
  488: 'Not Acceptable Here',
  500: 'Server Internal Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Server Time-out',
  600: 'Busy Everywhere',
  603: 'Decline',
  604: 'Does Not Exist Anywhere',
  606: 'Not Acceptable',
  607: 'Unwanted',
  608: 'Rejected',
};

/** What the trunk answered: a SIP status with its name, or a provider's own code. */
export const answerOf = (code: number): string => {
  const name = SIP[code];
  return name === undefined ? `code ${code}` : `${code} ${name}`;
};
