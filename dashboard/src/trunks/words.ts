import type { components } from '../api/schema';
import type { Tone } from '../ui/Chip';
import { count } from '../ui/format';

type Schemas = components['schemas'];

/** Kinds of trunks. */
export const KIND: Readonly<Record<Schemas['TrunkCarrierKind'], { text: string; meaning: string }>> = {
  sip: { text: 'SIP', meaning: 'A carrier, or a telephone system of yours. Audio ends here, so everything works.' },
  twilio: { text: 'Twilio', meaning: 'Calls by Twilio, or by whoever speaks its API.' },
  telnyx: { text: 'Telnyx', meaning: "Calls by Telnyx's Voice API." },
  livekit: { text: 'LiveKit', meaning: 'Calls into rooms, where a LiveKit agent of yours talks.' },
  simulated: { text: 'Simulated', meaning: 'No phone rings. To try things out.' },
  twilioSms: { text: 'Twilio texts', meaning: 'Text messages by Twilio.' },
  whatsapp: { text: 'WhatsApp', meaning: "Messages by Meta's WhatsApp Business Platform." },
  smtp: { text: 'E-mail', meaning: 'Mail by a server that takes it (SMTP).' },
};

/** How a trunk is. */
export const HEALTH: Readonly<Record<Schemas['BrakeState'], { text: string; tone: Tone; meaning: string }>> = {
  OPEN: { text: 'Working', tone: 'good', meaning: 'Nothing is known to be wrong with it. Calls begin on it.' },
  PAUSED: { text: 'Resting', tone: 'bad', meaning: 'It was in trouble. No call begins until it has been probed.' },
  PROBING: { text: 'Being probed', tone: 'warn', meaning: 'It is being asked whether it works again.' },
  TRIAL: { text: 'On trial', tone: 'warn', meaning: 'One call tries it. If that one rings, the others follow.' },
  STOPPED: { text: 'Paused', tone: 'plain', meaning: 'Somebody has paused it. No call begins until it is resumed.' },
};

/** Which number of a pool comes next. */
export const ROTATION: Readonly<Record<Schemas['Rotation'], string>> = {
  roundRobin: 'one after the other',
  leastUsed: 'the one shown least today',
  match: "one of the callee's area, else of the country, else any",
};

/** Live calls, and of how many where there is a limit. */
export function liveOf(live: number | undefined, most: number | null | undefined): string {
  if (live === undefined) return '–';
  return most ? `${count(live)} of ${count(most)}` : count(live);
}

/** An address to be entered at the provider, and where. */
export interface Callback {
  name: string;
  path: string;
  where: string;
}

/** Where the provider of a trunk tells of calls and messages, as far as somebody has to enter it there. */
export function callbacksOf(kind: Schemas['TrunkCarrierKind'], id: string): Callback[] {
  switch (kind) {
    case 'twilioSms':
      return [
        {
          name: 'Replies',
          path: `/callbacks/twilio/trunks/${id}`,
          where:
            'In Twilio’s console, at the number or the messaging service, as the webhook for “A message comes in”, with POST. Receipts come by themselves.',
        },
      ];
    case 'whatsapp':
      return [
        {
          name: 'Receipts and replies',
          path: `/callbacks/whatsapp/${id}`,
          where:
            'In the dashboard of the app at Meta, as the callback URL, with the verify token of this trunk. Subscribe to messages and user_preferences. Without it messages stay “Sent”.',
        },
      ];
    case 'livekit':
      return [
        {
          name: 'Webhook',
          path: '/webhook/livekit',
          where:
            'In the settings of the project at LiveKit, signed with the API key of this trunk. One serves all trunks. Without it calls are followed by asking.',
        },
      ];
    default:
      return [];
  }
}
