import type { components } from '../api/schema';
import { numberOf } from '../ui/Field';

type NewTrunk = components['schemas']['NewTrunk'];
export type Kind = components['schemas']['TrunkCarrierKind'];

/** What is asked for when a trunk of a kind is made. */
export interface FieldOf {
  name: keyof NewTrunk;
  label: string;
  hint?: string;
  placeholder?: string;
  /** Default is a line of text. */
  is?: 'secret' | 'number' | 'check' | 'lines' | readonly (readonly [string, string])[];
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
    { name: 'ringMs', label: 'Rings for', is: 'number', hint: 'Milliseconds.', isRequired: true },
    { name: 'talkMs', label: 'Talks for', is: 'number', hint: 'Milliseconds.', isRequired: true },
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

/** What was typed, as the API takes it; empty fields are left out, and what is no number goes as it is, for the API to say so. */
export function bodyOf(kind: Kind, values: Readonly<Record<string, string>>): NewTrunk {
  const number = (text: string | undefined) => (text?.trim() ? (numberOf(text) ?? text) : undefined);
  const read = ({ name, is }: FieldOf): unknown => {
    const text = values[name] ?? BEGIN[name] ?? '';
    if (is === 'check') return text === 'yes' ? true : undefined;
    if (is === 'number') return number(text);
    return (is === 'secret' ? text : text.trim()) || undefined;
  };
  const own = FIELDS[kind]
    .map((field) => [field.name, read(field)] as const)
    .filter(([, value]) => value !== undefined);
  const limit = (name: 'callsPerSecond' | 'maxLiveCalls') => number(values[name] ?? BEGIN[name]);
  const limits = { callsPerSecond: limit('callsPerSecond') ?? null, maxLiveCalls: limit('maxLiveCalls') ?? null };
  const callerId = hasCallerId(kind) ? values.callerId?.trim() : '';
  const streamUrl = kind === 'twilio' || kind === 'telnyx' ? values.streamUrl?.trim() : '';
  return {
    name: values.name?.trim() ?? '',
    kind,
    ...Object.fromEntries(own),
    ...(callerId && { callerId }),
    ...(streamUrl && { stream: { url: streamUrl, parameters: {} } }),
    limits,
  } as NewTrunk;
}
