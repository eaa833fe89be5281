import type { components } from '../api/schema';
import type { Tone } from '../ui/Chip';

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
  OPEN: { text: 'Working', tone: 'good', meaning: 'Calls begin on it.' },
  PAUSED: { text: 'Resting', tone: 'bad', meaning: 'It was in trouble. No call begins until it has been probed.' },
  PROBING: { text: 'Being probed', tone: 'warn', meaning: 'It is being asked whether it works again.' },
  TRIAL: { text: 'On trial', tone: 'warn', meaning: 'One call tries it. If that one rings, the others follow.' },
  STOPPED: { text: 'Paused', tone: 'plain', meaning: 'Somebody has paused it. No call begins until it is resumed.' },
};
