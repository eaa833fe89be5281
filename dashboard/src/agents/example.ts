import type { Agent } from './queries';

/** An agent for tests, which has something in most fields. */
export const AGENT = {
  name: 'Asha',
  prompt: 'Be kind.',
  voice: { provider: 'openai', voiceId: 'alloy' },
  llm: {},
  greetingText: 'Hello {{name|there}}',
  connect: { kind: 'ws', url: 'wss://a.example', parameters: { tenant: 'a' } },
  connectOn: 'greeting',
  keypad: { '9': { action: 'suppress' }, '2': { action: 'transfer', to: 'sales' } },
  keypadSeconds: 5,
  onMachine: 'message',
  machineMessageText: 'Call us back',
  transfers: { sales: { kind: 'sip', to: 'sip:sales@pbx.example' } },
  recording: true,
  silenceSeconds: 30,
} as unknown as Agent;
