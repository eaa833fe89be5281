import { useState } from 'react';

import { Button } from '../ui/Button';
import { Checkbox, NumberField, TextField } from '../ui/Field';
import { FieldRow, Form } from '../ui/Form';
import { Note } from '../ui/Note';
import { Card } from '../ui/Page';
import { Unsaved } from '../ui/Unsaved';
import { type AgentDraft, isChanged, mistakeIn } from './draft';
import { KeysCard } from './KeysCard';
import { GreetingCard, MachinesCard } from './SpeechCards';
import { TalksCard } from './TalksCard';

/** What a part of the form works on. */
export interface Part {
  draft: AgentDraft;
  set: (changes: Partial<AgentDraft>) => void;
  /** What the page itself has found at these fields. */
  mistakes: { llm?: string; transfers?: string };
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
  const [isTried, setTried] = useState(false);
  const set = (changes: Partial<AgentDraft>) => setDraft((before) => ({ ...before, ...changes }));
  const mistake = mistakeIn(draft);
  const part: Part = { draft, set, mistakes: isTried && mistake ? { [mistake.field]: mistake.why } : {} };
  const submit = () => {
    setTried(true);
    if (why === undefined && mistake === null) onSave(draft);
  };
  return (
    <Form error={error} onSubmit={submit}>
      <Card title="Agent">
        <TextField
          label="Name of the agent"
          path="name"
          required
          value={draft.name}
          onChange={(name) => set({ name })}
        />
      </Card>
      <GreetingCard {...part} />
      <TalksCard {...part} />
      <KeysCard {...part} />
      <MachinesCard {...part} />
      <RecordingCard {...part} />
      {isTried && mistake && (
        <Note tone="bad" isAlert>
          {mistake.why}
        </Note>
      )}
      <div>
        <Button variant="primary" type="submit" why={why} isPending={isPending}>
          {save}
        </Button>
      </div>
      <Unsaved isChanged={isChanged(draft, from)} what="the agent" />
    </Form>
  );
}

function RecordingCard({ draft, set }: Part) {
  return (
    <Card title="Recording and silence" isStack>
      <Checkbox
        label="Record answered calls"
        hint="Say so to whoever is called where the law asks for it."
        isChecked={draft.recording}
        onChange={(recording) => set({ recording })}
      />
      <FieldRow>
        <NumberField
          label="Hang up after silence of"
          path="silenceSeconds"
          unit="s"
          isOptional
          hint="Of both sides, 5 to 3,600. Empty lets them be silent; how long a call may last is a matter of its campaign."
          value={draft.silenceSeconds}
          onChange={(silenceSeconds) => set({ silenceSeconds })}
        />
      </FieldRow>
    </Card>
  );
}
