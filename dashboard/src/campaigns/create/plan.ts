import type { components } from '../../api/schema';
import { numberOf } from '../../ui/Field';

type Schemas = components['schemas'];
export type Step = Schemas['Step'];
export type Channel = Schemas['Channel'];
export type Outcome = Schemas['Outcome'];

/** A step of a plan as it is being filled in. */
export interface StepDraft {
  channel: Channel;
  attempts: string;
  afterMinutes: string;
  backoff: string;
  /** Outcomes that are tried again; null is what the API has by default. */
  on: Outcome[] | null;
  gate: Schemas['Gate'] | '';
  afterHours: string;
  trunkId: string;
  message: {
    text: string;
    subject: string;
    html: string;
    template: string;
    language: string;
    variables: string;
  };
}

/** What the API takes for granted where a step says nothing: docs/CAMPAIGNS.md. */
export const RETRIED: readonly Outcome[] = ['UNANSWERED', 'REJECTED', 'VOICEMAIL', 'FAILED', 'UNCERTAIN'];

/** A step of which nothing is filled in. */
export const emptyStep = (channel: Channel): StepDraft => ({
  channel,
  attempts: channel === 'voice' ? '2' : '1',
  afterMinutes: '60',
  backoff: '2',
  on: null,
  gate: '',
  afterHours: '',
  trunkId: '',
  message: { text: '', subject: '', html: '', template: '', language: 'en', variables: '' },
});

/** A step of the API as it is shown for changing. */
export function draftOf(step: Step): StepDraft {
  const { attempts, retry, gate, afterHours, trunkId, message } = step;
  const empty = emptyStep(step.channel);
  return {
    ...empty,
    attempts: String(attempts ?? 1),
    afterMinutes: String(retry?.afterMinutes ?? 60),
    backoff: String(retry?.backoff ?? 2),
    on: retry?.on && retry.on.join() !== RETRIED.join() ? retry.on : null,
    gate: gate ?? '',
    afterHours: afterHours ? String(afterHours) : '',
    trunkId: trunkId ?? '',
    message: {
      text: message?.text ?? '',
      subject: message?.subject ?? '',
      html: message?.html ?? '',
      template: message?.template ?? '',
      language: message?.language ?? 'en',
      variables: (message?.variables ?? []).join('\n'),
    },
  };
}

export type NumberName = 'attempts' | 'afterMinutes' | 'backoff' | 'afterHours';

/** The fields that hold no number, or none where one is needed. */
export function wrongFields(draft: StepDraft, index: number): Set<NumberName> {
  const shown: NumberName[] = [
    'attempts',
    ...(Number(draft.attempts) !== 1 ? (['afterMinutes', 'backoff'] as const) : []),
    ...(index > 0 ? (['afterHours'] as const) : []),
  ];
  return new Set(
    shown.filter((name) => {
      const number = numberOf(draft[name]);
      return number === undefined || (number === null && name !== 'afterHours');
    }),
  );
}

/** The plan for the API, of a step without wrong fields. */
export function stepOf(draft: StepDraft, index: number): Step {
  const attempts = numberOf(draft.attempts) ?? 1;
  const number = (text: string) => numberOf(text) ?? undefined;
  return {
    channel: draft.channel,
    attempts,
    ...(attempts > 1 && {
      retry: {
        ...set('afterMinutes', number(draft.afterMinutes)),
        ...set('backoff', number(draft.backoff)),
        ...set('on', draft.on ?? undefined),
      },
    }),
    ...(index > 0 && draft.gate !== '' && { gate: draft.gate }),
    ...set('afterHours', number(draft.afterHours)),
    ...(draft.channel !== 'voice' && { trunkId: draft.trunkId, message: messageOf(draft) }),
  };
}

function messageOf({ channel, message }: StepDraft): Schemas['MessageTemplate'] {
  const { text, subject, html, template, language, variables } = message;
  switch (channel) {
    case 'email':
      return { subject, text, ...set('html', html || undefined) };
    case 'whatsapp':
      return { template, language, variables: lines(variables), ...set('text', text || undefined) };
    default:
      return { text };
  }
}

const lines = (text: string): string[] =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');

function set<K extends string, V>(name: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [name]: value } as { [P in K]?: V });
}
