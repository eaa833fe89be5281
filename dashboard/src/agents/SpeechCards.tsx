import { Select, TextArea, TextField } from '../ui/Field';
import { Fold } from '../ui/Fold';
import { FieldRow } from '../ui/Form';
import { Card } from '../ui/Page';
import type { Part } from './AgentForm';
import type { AgentDraft } from './draft';
import { Sample } from './Sample';
import { MACHINE } from './words';

/** Providers of speech that have a word for themselves; the voice counts only where its provider is the one that speaks. */
const PROVIDERS: readonly (readonly [string, string])[] = [
  ['', 'Whichever speaks'],
  ['openai', 'OpenAI'],
  ['espeak-ng', 'espeak-ng'],
  ['twilio', 'Twilio, on its trunks'],
  ['telnyx', 'Telnyx, on its trunks'],
];

/** What is said first, and in which voice. */
export function GreetingCard({ draft, set }: Part) {
  const isOwn = PROVIDERS.some(([provider]) => provider === draft.voiceProvider);
  return (
    <Card title="What it says first" isStack>
      <TextArea
        label="Greeting"
        path="greetingText"
        isOptional
        rows={3}
        hint={
          <>
            <code>{'{{first_name}}'}</code> is filled with each recipient's own; <code>{'{{first_name|there}}'}</code>{' '}
            has a word for those who lack it. Without a text a chime plays.
          </>
        }
        value={draft.greetingText}
        onChange={(greetingText) => set({ greetingText })}
      />
      <Sample
        texts={[
          ['Greeting', draft.greetingText],
          ['On a machine', draft.onMachine === 'message' ? draft.machineMessageText : ''],
          ['When nobody is there', draft.connectKind ? draft.fallbackMessageText : ''],
        ]}
        openingLine={draft.openingLine}
      />
      <Fold
        title="Voice, and a recording instead"
        isOpenAtFirst={draft.voiceId !== '' || draft.voiceProvider !== '' || draft.greeting !== ''}
      >
        <FieldRow>
          <TextField
            label="Voice"
            path="voice"
            isOptional
            placeholder="alloy"
            hint="Its name at the provider of speech."
            value={draft.voiceId}
            onChange={(voiceId) => set({ voiceId })}
          />
          <Select
            label="Provider of speech"
            hint="The voice is used where this one speaks."
            value={draft.voiceProvider}
            onChange={(voiceProvider) => set({ voiceProvider })}
            options={isOwn ? PROVIDERS : [...PROVIDERS, [draft.voiceProvider, draft.voiceProvider]]}
          />
        </FieldRow>
        <SoundFile
          path="greeting"
          what="Recording of the greeting"
          value={draft.greeting}
          onChange={(greeting) => set({ greeting })}
        />
      </Fold>
    </Card>
  );
}

/** What is done when a machine has answered. */
export function MachinesCard({ draft, set }: Part) {
  const choices = Object.entries(MACHINE) as [AgentDraft['onMachine'], string][];
  return (
    <Card title="When a machine answers" isStack>
      <FieldRow>
        <Select
          label="On its beep"
          path="onMachine"
          value={draft.onMachine}
          onChange={(onMachine) => set({ onMachine })}
          options={choices}
        />
      </FieldRow>
      {draft.onMachine === 'message' && (
        <>
          <TextArea
            label="Message"
            path="machineMessageText"
            isOptional
            rows={3}
            hint="Empty leaves the greeting."
            value={draft.machineMessageText}
            onChange={(machineMessageText) => set({ machineMessageText })}
          />
          <Fold title="A recording instead" isOpenAtFirst={draft.machineMessage !== ''}>
            <SoundFile
              path="machineMessage"
              what="Recording of the message"
              value={draft.machineMessage}
              onChange={(machineMessage) => set({ machineMessage })}
            />
          </Fold>
        </>
      )}
    </Card>
  );
}

/** A sound file that lies on the server already; the API takes none. */
export function SoundFile({
  path,
  what,
  value,
  onChange,
}: {
  path: string;
  what: string;
  value: string;
  onChange: (value: string) => void;
}) {
  return (
    <TextField
      label={what}
      path={path}
      isOptional
      placeholder="hello.wav"
      hint="The name of a .wav file in the server's greetings folder, which its operator fills. A text, where there is one, is said instead."
      value={value}
      onChange={onChange}
    />
  );
}
