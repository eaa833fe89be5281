import type { components } from '../api/schema';
import { numberOf } from '../ui/Field';
import type { Trunk } from './queries';

type NewTrunk = components['schemas']['NewTrunk'];
type TrunkChanges = components['schemas']['TrunkChanges'];
export type Kind = components['schemas']['TrunkCarrierKind'];

/** What is asked for when a trunk of a kind is made. */
export interface FieldOf {
  name: keyof NewTrunk;
  label: string;
  hint?: string;
  /** Of a number. */
  unit?: string;
  placeholder?: string;
  /** Default is a line of text. */
  is?: 'secret' | 'number' | 'check' | 'lines' | 'json' | readonly (readonly [string, string])[];
  isRequired?: boolean;
  /** Folded away: few need it. */
  isRare?: boolean;
}

const TWILIO: readonly FieldOf[] = [
  { name: 'accountSid', label: 'Account SID', placeholder: 'AC…', isRequired: true },
  { name: 'authToken', label: 'Auth token', is: 'secret', isRequired: true, hint: 'Signs what Twilio tells us.' },
  { name: 'apiKeySid', label: 'API key SID', placeholder: 'SK…', isRare: true, hint: 'To make requests with a key.' },
  { name: 'apiKeySecret', label: 'API key secret', is: 'secret', isRare: true },
];
const BASE_URL: FieldOf = { name: 'baseUrl', label: 'Address of the API', isRare: true, placeholder: 'https://…' };
const MACHINES: FieldOf = {
  name: 'machineDetection',
  label: 'Tell machines from people',
  is: 'check',
  hint: 'Voicemail is hung up. The provider bills it.',
};

/** The fields of each kind, beside those that all have. */
export const FIELDS: Readonly<Record<Kind, readonly FieldOf[]>> = {
  sip: [
    { name: 'host', label: 'Host', isRequired: true, placeholder: 'sip.example.com' },
    { name: 'port', label: 'Port', is: 'number', hint: 'Empty looks the name up (SRV).' },
    {
      name: 'transport',
      label: 'Transport',
      is: [
        ['udp', 'UDP'],
        ['tcp', 'TCP'],
        ['tls', 'TLS'],
      ],
    },
    { name: 'username', label: 'User' },
    { name: 'password', label: 'Password', is: 'secret' },
    { name: 'register', label: 'Register', is: 'check', hint: 'Where the trunk wants to be registered with.' },
    { name: 'domain', label: 'Domain', isRare: true, hint: 'Where addresses have another host part.' },
    {
      name: 'registerExpires',
      label: 'Registration lasts',
      is: 'number',
      isRare: true,
      hint: 'Seconds, 60 to 86,400.',
    },
    { name: 'sessionExpires', label: 'Session timer', is: 'number', isRare: true, hint: 'Seconds, 90 to 86,400.' },
    { name: 'tlsServerName', label: 'Name in its certificate', isRare: true },
    { name: 'caCertificate', label: 'Certificate to trust (PEM)', is: 'lines', isRare: true },
    { name: 'sips', label: 'Addresses say sips:', is: 'check', isRare: true },
    {
      name: 'outcomes',
      label: 'What SIP statuses mean here',
      is: 'json',
      isRare: true,
      placeholder: '{"480": {"noRoom": {"retryAfterSeconds": 10}}}',
      hint: 'As JSON, where that differs from the usual: a PBX that says 480 when its lines are busy, say.',
    },
  ],
  twilio: [...TWILIO, MACHINES, BASE_URL],
  telnyx: [
    { name: 'apiKey', label: 'API key', is: 'secret', isRequired: true },
    { name: 'connectionId', label: 'Connection id', isRequired: true, hint: 'Of the Voice API application.' },
    { name: 'publicKey', label: 'Public key', isRequired: true, hint: 'Of the account; its webhooks are known by it.' },
    MACHINES,
    BASE_URL,
  ],
  livekit: [
    { name: 'url', label: 'Server', isRequired: true, placeholder: 'https://example.livekit.cloud' },
    { name: 'apiKey', label: 'API key', isRequired: true },
    { name: 'apiSecret', label: 'API secret', is: 'secret', isRequired: true },
    { name: 'sipTrunkId', label: 'Outbound trunk there', isRequired: true, placeholder: 'ST_…' },
    { name: 'agentName', label: 'Name of the agent', isRequired: true, hint: 'By which it is dispatched.' },
    { name: 'krisp', label: 'Take noise out (Krisp)', is: 'check' },
  ],
  simulated: [
    { name: 'ringMs', label: 'Rings for', is: 'number', unit: 'ms', isRequired: true },
    { name: 'talkMs', label: 'Talks for', is: 'number', unit: 'ms', isRequired: true },
  ],
  twilioSms: [
    ...TWILIO,
    { name: 'messagingServiceSid', label: 'Messaging service', placeholder: 'MG…', hint: 'Instead of a caller ID.' },
    BASE_URL,
  ],
  whatsapp: [
    { name: 'phoneNumberId', label: "The number's id at Meta", isRequired: true },
    { name: 'accessToken', label: 'Access token', is: 'secret', isRequired: true },
    { name: 'appSecret', label: 'App secret', is: 'secret', isRequired: true },
    { name: 'verifyToken', label: 'Verify token', is: 'secret', isRequired: true },
    BASE_URL,
  ],
  smtp: [
    { name: 'host', label: 'Mail server', isRequired: true, placeholder: 'smtp.example.com' },
    {
      name: 'security',
      label: 'Security',
      is: [
        ['starttls', 'STARTTLS, port 587'],
        ['tls', 'TLS, port 465'],
        ['none', 'None, port 25'],
      ],
    },
    { name: 'port', label: 'Port', is: 'number', isRare: true },
    { name: 'username', label: 'User' },
    { name: 'password', label: 'Password', is: 'secret' },
    { name: 'from', label: 'From', isRequired: true, placeholder: 'Acme <hello@example.com>' },
    { name: 'replyTo', label: 'Answers go to' },
  ],
};

/** Kinds that show a number of ours. */
export const hasCallerId = (kind: Kind): boolean => kind !== 'whatsapp' && kind !== 'smtp';

/** What stands in the fields before anybody types: what is safe to begin with. */
export const BEGIN: Readonly<Record<string, string>> = {
  ringMs: '2000',
  talkMs: '8000',
  callsPerSecond: '1',
  maxLiveCalls: '10',
};

/** Whether audio of answered calls has to be sent somewhere by the provider. */
export const hasStream = (kind: Kind): boolean => kind === 'twilio' || kind === 'telnyx';

/** Whether it reaches people by writing. */
export const sendsMessages = (kind: Kind): boolean => kind === 'twilioSms' || kind === 'whatsapp' || kind === 'smtp';

export type Values = Readonly<Record<string, string>>;

/** What was typed of fields whose text is JSON and is none, by name. */
export function mistakesIn(kind: Kind, values: Values): Record<string, string> {
  const wrong = FIELDS[kind].filter(({ name, is }) => is === 'json' && jsonIn(values[name]) === null);
  return Object.fromEntries(
    wrong.map(({ name, placeholder }) => [name, `This is no JSON. Write it like ${placeholder}.`]),
  );
}

/** What was typed, as the API takes it; empty fields are left out, and what is no number goes as it is, for the API to say so. */
export function bodyOf(kind: Kind, values: Values): NewTrunk {
  const read = ({ name, is }: FieldOf): unknown => {
    const text = values[name] ?? '';
    if (is === 'check') return text === 'yes' ? true : undefined;
    if (is === 'number') return numberIn(text);
    if (is === 'json') return jsonIn(text) ?? undefined;
    return (is === 'secret' ? text : text.trim()) || undefined;
  };
  const own = FIELDS[kind]
    .map((field) => [field.name, read(field)] as const)
    .filter(([, value]) => value !== undefined);
  const limit = (name: 'callsPerSecond' | 'maxLiveCalls') => numberIn(values[name]);
  const limits = { callsPerSecond: limit('callsPerSecond') ?? null, maxLiveCalls: limit('maxLiveCalls') ?? null };
  const callerId = hasCallerId(kind) ? values.callerId?.trim() : '';
  const callerIds = hasCallerId(kind) ? poolIn(values) : undefined;
  const streamUrl = hasStream(kind) ? values.streamUrl?.trim() : '';
  return {
    name: values.name?.trim() ?? '',
    kind,
    ...Object.fromEntries(own),
    ...(callerId && { callerId }),
    ...(callerIds && { callerIds }),
    ...(streamUrl && { stream: { url: streamUrl, parameters: namedIn(values.streamParameters ?? '') } }),
    limits,
  } as NewTrunk;
}

/** What stands in the fields of a trunk that is there: its secrets, which nobody is shown, are empty. */
export function valuesOf(trunk: Trunk): Values {
  const known = trunk as unknown as Readonly<Record<string, unknown>>;
  const { callerIds, limits } = trunk;
  const stream = known.stream as { url: string; parameters: Record<string, string> } | null | undefined;
  const own = FIELDS[trunk.kind].filter(({ is }) => is !== 'secret').map(({ name }) => [name, known[name]]);
  const all: Record<string, unknown> = {
    ...Object.fromEntries(own),
    ...limits,
    name: trunk.name,
    callerId: trunk.callerId,
    poolNumbers: callerIds?.numbers.join('\n'),
    rotation: callerIds?.rotation,
    dailyCap: callerIds?.dailyCap,
    streamUrl: stream?.url,
    streamParameters: Object.entries(stream?.parameters ?? {})
      .map(([name, value]) => `${name}: ${value}`)
      .join('\n'),
  };
  return Object.fromEntries(Object.entries(all).map(([name, value]) => [name, typed(value)]));
}

function typed(value: unknown): string {
  if (value == null || value === false) return '';
  if (value === true) return 'yes';
  if (typeof value !== 'object') return String(value);
  return Object.keys(value).length > 0 ? JSON.stringify(value) : '';
}

/** What is to change, as the API takes it, when the fields of a trunk have become others; null takes away. */
export function changesOf(kind: Kind, before: Values, after: Values): TrunkChanges {
  const [old, next] = [bodyOf(kind, before), bodyOf(kind, after)];
  const texts = new Map(Object.entries(old).map(([name, value]) => [name, JSON.stringify(value)]));
  const set = Object.entries(next).filter(([name, value]) => texts.get(name) !== JSON.stringify(value));
  const gone = [...texts.keys()].filter((name) => !(name in next)).map((name) => [name, null]);
  const changes = Object.fromEntries([...set, ...gone]);
  // Each limit by itself: the other may have been changed by somebody else meanwhile.
  if (changes.limits) {
    const limits = Object.entries(changes.limits).filter(
      ([name, value]) => old.limits?.[name as keyof typeof old.limits] !== value,
    );
    changes.limits = Object.fromEntries(limits);
  }
  // Where there is no user any more, there is no password.
  if (changes.username === null && changes.password === undefined) changes.password = null;
  return changes as TrunkChanges;
}

const numberIn = (text: string | undefined) => (text?.trim() ? (numberOf(text) ?? text) : undefined);

/** Nothing where nothing was typed, null where it is no JSON. */
function jsonIn(text: string | undefined): unknown {
  if (!text?.trim()) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Numbers of a pool, in whatever way they were written below or beside each other. */
function poolIn({ poolNumbers = '', rotation, dailyCap }: Values): object | undefined {
  const numbers = poolNumbers
    .split(/[\n,;]+/)
    .map((number) => number.replace(/[\s().-]/g, ''))
    .filter((number) => number !== '');
  if (numbers.length === 0) return undefined;
  return { numbers, rotation: rotation ?? 'roundRobin', dailyCap: numberIn(dailyCap) ?? null };
}

/** `name: value`, one on each line. */
function namedIn(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return Object.fromEntries(
    lines.map((line) => {
      const [name = '', ...rest] = line.split(/[:=]/);
      return [name.trim(), line.slice(name.length + (rest.length > 0 ? 1 : 0)).trim()];
    }),
  );
}
