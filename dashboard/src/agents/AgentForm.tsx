import { useState } from 'react';

import { Button } from '../ui/Button';
import { Checkbox, NumberField, Select, TextArea, TextField } from '../ui/Field';
import { FieldRow, Form } from '../ui/Form';
import { Card } from '../ui/Page';
import { Pairs } from '../ui/Pairs';
import type { AgentDraft } from './draft';
import { KeysCard } from './KeysCard';
import { Sample } from './Sample';
import { MACHINE } from './words';

interface Part {
  draft: AgentDraft;
  set: (changes: Partial<AgentDraft>) => void;
}

/** All that an agent is. */
export function AgentForm({
  from,
  save,
  why,
  error,
  isPending,
  onSave,
}: {
  from: AgentDraft;
  save: string;
  why: string | undefined;
  error: unknown;
  isPending: boolean;
  onSave: (draft: AgentDraft) => void;
}) {
  const [draft, setDraft] = useState(from);
  const set = (changes: Partial<AgentDraft>) => setDraft((before) => ({ ...before, ...changes }));
  return (
    <Form error={error} onSubmit={() => why === undefined && onSave(draft)}>
      <Greeting draft={draft} set={set} />
      <Talks draft={draft} set={set} />
      <KeysCard draft={draft} set={set} />
      <Machines draft={draft} set={set} />
      <Card title="Recording and silence" isStack>
        <Checkbox
          label="Record answered calls"
          hint="Say so to whoever is called where the law asks for it."
          isChecked={draft.recording}
          onChange={(recording) => set({ recording })}
        />
        <NumberField
          label="Hang up after silence of"
          path="silenceSeconds"
          unit="s"
          isOptional
          hint="Of both sides, 5 to 3,600. Empty lets them be silent."
          value={draft.silenceSeconds}
          onChange={(silenceSeconds) => set({ silenceSeconds })}
        />
      </Card>
      <div>
        <Button variant="primary" type="submit" why={why} isPending={isPending}>
          {save}
        </Button>
      </div>
    </Form>
  );
}

function Greeting({ draft, set }: Part) {
  return (
    <Card title="What it says first" isStack>
      <TextField label="Name of the agent" path="name" required value={draft.name} onChange={(name) => set({ name })} />
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
      <TextField
        label="Voice"
        path="voice"
        isOptional
        hint="Its name at the server's provider of speech."
        value={draft.voiceId}
        onChange={(voiceId) => set({ voiceId })}
      />
      <Sample greeting={draft.greetingText} others={[draft.machineMessageText, draft.fallbackMessageText]} />
    </Card>
  );
}

function Talks({ draft, set }: Part) {
  return (
    <Card title="Who talks then" isStack>
      <Select
        label="After the greeting"
        path="connect"
        value={draft.connectKind}
        onChange={(connectKind) => set({ connectKind })}
        options={[
          ['', 'Nobody: it waits for a key, then hangs up'],
          ['ws', 'A program, over a WebSocket (Media Streams)'],
          ['sip', 'A telephone (SIP)'],
        ]}
      />
      {draft.connectKind && (
        <>
          <TextField
            label="Its address"
            path="connect.url"
            required
            placeholder={draft.connectKind === 'ws' ? 'wss://agent.example.com/media' : 'sip:desk@pbx.example.com'}
            value={draft.connectUrl}
            onChange={(connectUrl) => set({ connectUrl })}
          />
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
        </>
      )}
      <details>
        <summary>For the agent itself: prompt and opening line</summary>
        <TextArea
          label="Prompt"
          path="prompt"
          isOptional
          rows={6}
          value={draft.prompt}
          onChange={(prompt) => set({ prompt })}
        />
        <TextField
          label="Opening line"
          path="openingLine"
          isOptional
          value={draft.openingLine}
          onChange={(openingLine) => set({ openingLine })}
        />
      </details>
    </Card>
  );
}

function Machines({ draft, set }: Part) {
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
        <TextArea
          label="Message"
          path="machineMessageText"
          isOptional
          rows={3}
          hint="Empty leaves the greeting."
          value={draft.machineMessageText}
          onChange={(machineMessageText) => set({ machineMessageText })}
        />
      )}
    </Card>
  );
}
