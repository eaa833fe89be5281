import type { components } from '../api/schema';
import { numberOf } from '../ui/Field';
import { objectOf, type Pair, pair } from '../ui/Pairs';
import type { Agent } from './queries';

type Schemas = components['schemas'];
export type KeyRule = Schemas['KeyRule'];

/** A key of the telephone and what it does, as it is being chosen. */
export interface KeyDraft {
  id: number;
  key: string;
  action: KeyRule['action'];
  to: string;
}

/** Somewhere to hand a call on to, as it is being typed. */
export interface TransferDraft {
  id: number;
  name: string;
  kind: Schemas['TransferKind'];
  to: string;
}

/** An agent as it is being typed. */
export interface AgentDraft {
  name: string;
  prompt: string;
  openingLine: string;
  greetingText: string;
  voiceId: string;
  connectKind: '' | Schemas['ConnectKind'];
  connectUrl: string;
  parameters: readonly Pair[];
  connectOn: Agent['connectOn'];
  fallbackMessageText: string;
  keys: readonly KeyDraft[];
  keypadSeconds: string;
  onMachine: Agent['onMachine'];
  machineMessageText: string;
  transfers: readonly TransferDraft[];
  recording: boolean;
  silenceSeconds: string;
}

/** Keys of a telephone. */
export const KEYS = ['1', '2', '3', '4', '5', '6', '7', '8', '9', '0', '*', '#'] as const;

let next = 1;
/** A key that does nothing else yet: by its default it takes people off the lists. */
export const keyDraft = (key: string, action: KeyRule['action'] = 'suppress', to = ''): KeyDraft => ({
  id: next++,
  key,
  action,
  to,
});
export const transferDraft = (name = '', kind: TransferDraft['kind'] = 'sip', to = ''): TransferDraft => ({
  id: next++,
  name,
  kind,
  to,
});

/** What a new agent begins with. */
export const NEW: AgentDraft = {
  name: '',
  prompt: '',
  openingLine: '',
  greetingText: '',
  voiceId: '',
  connectKind: '',
  connectUrl: '',
  parameters: [],
  connectOn: 'greeting',
  fallbackMessageText: '',
  keys: [],
  keypadSeconds: '5',
  onMachine: 'hangUp',
  machineMessageText: '',
  transfers: [],
  recording: false,
  silenceSeconds: '',
};

/** An agent, for changing. */
export function draftOf(agent: Agent): AgentDraft {
  const voice = agent.voice as { voiceId?: unknown } | null;
  return {
    name: agent.name,
    prompt: agent.prompt,
    openingLine: agent.openingLine ?? '',
    greetingText: agent.greetingText ?? '',
    voiceId: typeof voice?.voiceId === 'string' ? voice.voiceId : '',
    connectKind: agent.connect?.kind ?? '',
    connectUrl: agent.connect?.url ?? '',
    parameters: Object.entries(agent.connect?.parameters ?? {}).map(([name, value]) => pair(name, value)),
    connectOn: agent.connectOn,
    fallbackMessageText: agent.fallbackMessageText ?? '',
    keys: Object.entries(agent.keypad).map(([key, { action, to }]) => keyDraft(key, action, to ?? '')),
    keypadSeconds: String(agent.keypadSeconds),
    onMachine: agent.onMachine,
    machineMessageText: agent.machineMessageText ?? '',
    transfers: Object.entries(agent.transfers).map(([name, { kind, to }]) => transferDraft(name, kind, to)),
    recording: agent.recording,
    silenceSeconds: agent.silenceSeconds == null ? '' : String(agent.silenceSeconds),
  };
}

/** A draft as the API takes it. `before` is the agent it was made from: what the page does not show of it stays. */
export function bodyOf(draft: AgentDraft, before?: Agent) {
  const number = (text: string) => (text.trim() === '' ? null : (numberOf(text) ?? 0));
  const voice = { ...(before?.voice as object | undefined) } as Record<string, unknown>;
  if (draft.voiceId.trim()) voice.voiceId = draft.voiceId.trim();
  else delete voice.voiceId;
  const connect = draft.connectKind && {
    kind: draft.connectKind,
    url: draft.connectUrl.trim(),
    ...(draft.connectKind === 'ws' && { parameters: objectOf(draft.parameters) }),
  };
  const rules = draft.keys.map(({ key, action, to }): [string, KeyRule] => [
    key,
    action === 'transfer' ? { action, to } : { action },
  ]);
  const transfers = draft.transfers.map(({ name, kind, to }) => [name.trim(), { kind, to: to.trim() }] as const);
  return {
    name: draft.name.trim(),
    prompt: draft.prompt,
    openingLine: draft.openingLine.trim() || null,
    greetingText: draft.greetingText.trim() || null,
    voice: voice as Record<string, never>,
    connect: connect || null,
    connectOn: draft.connectOn,
    fallbackMessageText: draft.fallbackMessageText.trim() || null,
    keypad: Object.fromEntries(rules),
    keypadSeconds: number(draft.keypadSeconds) ?? 5,
    onMachine: draft.onMachine,
    machineMessageText: draft.machineMessageText.trim() || null,
    transfers: Object.fromEntries(transfers),
    recording: draft.recording,
    silenceSeconds: number(draft.silenceSeconds),
  };
}

/** Fields in which two versions differ, with what each has, as people read them. */
export function differences(before: Agent, after: Agent): { name: string; before: string; after: string }[] {
  const [old, now] = [bodyOf(draftOf(before), before), bodyOf(draftOf(after), after)];
  const names = Object.keys(now) as (keyof typeof now)[];
  const shown = (value: unknown) =>
    value == null || value === '' ? '–' : typeof value === 'string' ? value : JSON.stringify(value);
  return names
    .filter((name) => JSON.stringify(old[name]) !== JSON.stringify(now[name]))
    .map((name) => ({ name: LABEL[name], before: shown(old[name]), after: shown(now[name]) }));
}

const LABEL: Readonly<Record<keyof ReturnType<typeof bodyOf>, string>> = {
  name: 'Name',
  prompt: 'Prompt',
  openingLine: 'Opening line',
  greetingText: 'Greeting',
  voice: 'Voice',
  connect: 'Who talks',
  connectOn: 'Handed over',
  fallbackMessageText: 'When nobody is there',
  keypad: 'Keys',
  keypadSeconds: 'Wait for a key',
  onMachine: 'On a machine',
  machineMessageText: 'Message on a machine',
  transfers: 'Handed on to',
  recording: 'Recording',
  silenceSeconds: 'Silence',
};
