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
  /** Names of sound files of the server, as the two others below. */
  greeting: string;
  voiceId: string;
  voiceProvider: string;
  /** Settings for the program that talks, as JSON. */
  llm: string;
  connectKind: '' | Schemas['ConnectKind'];
  connectUrl: string;
  parameters: readonly Pair[];
  connectOn: Agent['connectOn'];
  fallbackMessageText: string;
  fallbackMessage: string;
  keys: readonly KeyDraft[];
  keypadSeconds: string;
  onMachine: Agent['onMachine'];
  machineMessageText: string;
  machineMessage: string;
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
  greeting: '',
  voiceId: '',
  voiceProvider: '',
  llm: '',
  connectKind: '',
  connectUrl: '',
  parameters: [],
  connectOn: 'greeting',
  fallbackMessageText: '',
  fallbackMessage: '',
  keys: [],
  keypadSeconds: '5',
  onMachine: 'hangUp',
  machineMessageText: '',
  machineMessage: '',
  transfers: [],
  recording: false,
  silenceSeconds: '',
};

/** An agent, for changing. */
export function draftOf(agent: Agent): AgentDraft {
  const voice = agent.voice as { voiceId?: unknown; provider?: unknown } | null;
  const llm = (agent.llm ?? {}) as object;
  return {
    name: agent.name,
    prompt: agent.prompt,
    openingLine: agent.openingLine ?? '',
    greetingText: agent.greetingText ?? '',
    greeting: agent.greeting ?? '',
    voiceId: typeof voice?.voiceId === 'string' ? voice.voiceId : '',
    voiceProvider: typeof voice?.provider === 'string' ? voice.provider : '',
    llm: Object.keys(llm).length > 0 ? JSON.stringify(llm, null, 2) : '',
    connectKind: agent.connect?.kind ?? '',
    connectUrl: agent.connect?.url ?? '',
    parameters: Object.entries(agent.connect?.parameters ?? {}).map(([name, value]) => pair(name, value)),
    connectOn: agent.connectOn,
    fallbackMessageText: agent.fallbackMessageText ?? '',
    fallbackMessage: agent.fallbackMessage ?? '',
    keys: Object.entries(agent.keypad).map(([key, { action, to }]) => keyDraft(key, action, to ?? '')),
    keypadSeconds: String(agent.keypadSeconds),
    onMachine: agent.onMachine,
    machineMessageText: agent.machineMessageText ?? '',
    machineMessage: agent.machineMessage ?? '',
    transfers: Object.entries(agent.transfers).map(([name, { kind, to }]) => transferDraft(name, kind, to)),
    recording: agent.recording,
    silenceSeconds: agent.silenceSeconds == null ? '' : String(agent.silenceSeconds),
  };
}

/** A draft as the API takes it. `before` is the agent it was made from: what the page does not show of it stays. */
export function bodyOf(draft: AgentDraft, before?: Agent) {
  const number = (text: string) => (text.trim() === '' ? null : (numberOf(text) ?? 0));
  const voice = { ...(before?.voice as object | undefined) } as Record<string, unknown>;
  const said = { voiceId: draft.voiceId.trim(), provider: draft.voiceProvider.trim() };
  for (const [name, value] of Object.entries(said)) {
    if (value) voice[name] = value;
    else delete voice[name];
  }
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
    greeting: draft.greeting.trim() || null,
    voice: voice as Record<string, never>,
    llm: (objectIn(draft.llm) ?? {}) as Record<string, never>,
    connect: connect || null,
    connectOn: draft.connectOn,
    fallbackMessageText: draft.fallbackMessageText.trim() || null,
    fallbackMessage: draft.fallbackMessage.trim() || null,
    keypad: Object.fromEntries(rules),
    keypadSeconds: number(draft.keypadSeconds) ?? 5,
    onMachine: draft.onMachine,
    machineMessageText: draft.machineMessageText.trim() || null,
    machineMessage: draft.machineMessage.trim() || null,
    transfers: Object.fromEntries(transfers),
    recording: draft.recording,
    silenceSeconds: number(draft.silenceSeconds),
  };
}

/** The JSON object that was typed: an empty one where nothing was, null where it is something else. */
export function objectIn(text: string): object | null {
  if (text.trim() === '') return {};
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

/** What of a draft the API cannot be asked about, since it cannot be written down for it: the label of the field at fault, and why. */
export function mistakeIn({ llm, transfers }: AgentDraft): { field: 'llm' | 'transfers'; why: string } | null {
  if (objectIn(llm) === null) return { field: 'llm', why: 'This is no JSON object. Write it like {"model": "small"}.' };
  const names = transfers.map(({ name }) => name.trim());
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  return twice === undefined ? null : { field: 'transfers', why: `Two of them are called “${twice}”.` };
}

/** Whether anything was typed that is not in what it began from. */
export const isChanged = (draft: AgentDraft, from: AgentDraft): boolean =>
  draft.llm.trim() !== from.llm.trim() || JSON.stringify(bodyOf(draft)) !== JSON.stringify(bodyOf(from));
