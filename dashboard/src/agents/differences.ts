import { bodyOf, draftOf } from './draft';
import type { Agent } from './queries';
import { CONNECT, KEY_DOES, MACHINE } from './words';

type Body = ReturnType<typeof bodyOf>;

/** Fields in which two versions differ, with what each has, as people read them. */
export function differences(before: Agent, after: Agent): { name: string; before: string; after: string }[] {
  const [old, now] = [bodyOf(draftOf(before), before), bodyOf(draftOf(after), after)];
  return (Object.keys(LABEL) as (keyof Body)[])
    .filter((name) => JSON.stringify(old[name]) !== JSON.stringify(now[name]))
    .map((name) => ({ name: LABEL[name], before: shown(name, old), after: shown(name, now) }));
}

const NOTHING = '–';

/** The value of a field in words. */
function shown(name: keyof Body, body: Body): string {
  switch (name) {
    case 'connect':
      return body.connect ? connected(body.connect) : 'nobody';
    case 'connectOn':
      return body.connectOn === 'greeting' ? 'after the greeting' : 'by a key';
    case 'keypad':
      return listed(body.keypad, ({ action, to }) => KEY_DOES[action] + (to ? ` “${to}”` : ''));
    case 'transfers':
      return listed(body.transfers, ({ kind, to }) => (kind === 'refer' ? `${to}, by the trunk` : to));
    case 'onMachine':
      return MACHINE[body.onMachine];
    case 'recording':
      return body.recording ? 'yes' : 'no';
    case 'keypadSeconds':
      return `${body.keypadSeconds} s`;
    case 'silenceSeconds':
      return body.silenceSeconds === null ? NOTHING : `${body.silenceSeconds} s`;
    case 'voice':
    case 'llm':
      return listed(body[name] as Record<string, unknown>, (value) =>
        typeof value === 'string' ? value : JSON.stringify(value),
      );
    default:
      return body[name] || NOTHING;
  }
}

function connected({ kind, url, parameters = {} }: NonNullable<Exclude<Body['connect'], ''>>): string {
  const told = Object.keys(parameters).length > 0 ? `, told ${listed(parameters, (value) => value)}` : '';
  return `${CONNECT[kind]}: ${url}${told}`;
}

const listed = <T>(of: Readonly<Record<string, T>>, word: (value: T) => string): string =>
  Object.entries(of)
    .map(([name, value]) => `${name}: ${word(value)}`)
    .join('; ') || NOTHING;

const LABEL: Readonly<Record<keyof Body, string>> = {
  name: 'Name',
  greetingText: 'Greeting',
  greeting: 'Greeting from a file',
  voice: 'Voice',
  connect: 'Who talks',
  connectOn: 'Gets the call',
  prompt: 'Prompt',
  openingLine: 'Opening line',
  llm: 'Settings of the program',
  fallbackMessageText: 'When nobody is there',
  fallbackMessage: 'When nobody is there, from a file',
  keypad: 'Keys',
  keypadSeconds: 'Waits for a key',
  transfers: 'Handed on to',
  onMachine: 'On a machine',
  machineMessageText: 'Message on a machine',
  machineMessage: 'Message on a machine, from a file',
  recording: 'Recording',
  silenceSeconds: 'Hangs up after silence of',
};
