import { Select, TextArea, TextField } from '../ui/Field';
import { Fold } from '../ui/Fold';
import { FieldRow } from '../ui/Form';
import { Card } from '../ui/Page';
import { Pairs } from '../ui/Pairs';
import type { Part } from './AgentForm';
import { SoundFile } from './SpeechCards';

/** Who has the call after the greeting, and what is said where nobody takes it. */
export function TalksCard({ draft, set, mistakes }: Part) {
  return (
    <Card title="Who talks then" isStack>
      <FieldRow>
        <Select
          label="After the greeting"
          path="connect.kind"
          value={draft.connectKind}
          onChange={(connectKind) => set({ connectKind, ...(connectKind === '' && { connectOn: 'greeting' }) })}
          options={[
            ['', 'Nobody: it waits for a key, then hangs up'],
            ['ws', 'A program, over a WebSocket (Media Streams)'],
            ['sip', 'A telephone (SIP)'],
          ]}
        />
        {draft.connectKind && (
          <Select
            label="It gets the call"
            path="connectOn"
            value={draft.connectOn}
            onChange={(connectOn) => set({ connectOn })}
            options={[
              ['greeting', 'after the greeting'],
              ['keypad', 'when a key asks for it'],
            ]}
          />
        )}
      </FieldRow>
      {draft.connectKind && <Connected draft={draft} set={set} mistakes={mistakes} />}
      <Fold
        title="For the program that talks: prompt, opening line, settings"
        isOpenAtFirst={draft.prompt !== '' || draft.openingLine !== '' || draft.llm !== ''}
      >
        <TextArea
          label="Prompt"
          path="prompt"
          isOptional
          rows={6}
          hint="Kept for the program, as it is."
          value={draft.prompt}
          onChange={(prompt) => set({ prompt })}
        />
        <TextField
          label="Opening line"
          path="openingLine"
          isOptional
          hint="What the program says first. Places for variables are filled."
          value={draft.openingLine}
          onChange={(openingLine) => set({ openingLine })}
        />
        <TextArea
          label="Settings of the program"
          path="llm"
          isOptional
          rows={3}
          spellCheck={false}
          placeholder='{"model": "small"}'
          hint="A JSON object of your own, at most 16 KiB."
          error={mistakes.llm}
          value={draft.llm}
          onChange={(llm) => set({ llm })}
        />
      </Fold>
    </Card>
  );
}

function Connected({ draft, set }: Part) {
  return (
    <>
      <TextField
        label="Its address"
        path="connect.url"
        required
        placeholder={draft.connectKind === 'ws' ? 'wss://agent.example.com/media' : 'sip:desk@pbx.example.com'}
        value={draft.connectUrl}
        onChange={(connectUrl) => set({ connectUrl })}
      />
      {draft.connectKind === 'ws' && (
        <Pairs
          label="What it is told beside the variables"
          add="Add a parameter"
          pairs={draft.parameters}
          onChange={(parameters) => set({ parameters })}
        />
      )}
      <TextArea
        label="What people hear when nobody is there"
        path="fallbackMessageText"
        isOptional
        rows={2}
        value={draft.fallbackMessageText}
        onChange={(fallbackMessageText) => set({ fallbackMessageText })}
      />
      <Fold title="A recording of that instead" isOpenAtFirst={draft.fallbackMessage !== ''}>
        <SoundFile
          path="fallbackMessage"
          what="Recording for when nobody is there"
          value={draft.fallbackMessage}
          onChange={(fallbackMessage) => set({ fallbackMessage })}
        />
      </Fold>
    </>
  );
}
