import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useLocation } from '@tanstack/react-router';
import { useState } from 'react';

import { api, ask } from '../../api/client';
import { useWhyNot } from '../../api/me';
import { Button, ButtonLink } from '../../ui/Button';
import { TextArea, TextField } from '../../ui/Field';
import { FieldErrors } from '../../ui/FieldErrors';
import { ErrorNote, Note } from '../../ui/Note';
import { toast } from '../../ui/toast';
import { Unsaved } from '../../ui/Unsaved';
import { agentsQuery } from '../queries';
import { slips } from './slips';
import styles from './Upload.module.css';

/** Makes an agent that says a text and hangs up. */
export function NewAgent({ columns, onMade }: { columns: readonly string[]; onMade: (agentId: string) => void }) {
  const cache = useQueryClient();
  const whyNot = useWhyNot();
  const here = useLocation({ select: ({ href }) => href });
  const [name, setName] = useState('');
  const [text, setText] = useState('');
  const make = useMutation({
    mutationFn: () => ask(api.POST('/api/v1/agents', { body: { name, greetingText: text.trim() || null } })),
    onSuccess: async ({ id }) => {
      await cache.invalidateQueries({ queryKey: agentsQuery.queryKey });
      toast('Agent made');
      onMade(id);
    },
  });
  const example = columns.find((column) => /name/i.test(column)) ?? 'name';
  return (
    <FieldErrors error={make.error}>
      <Unsaved isChanged={text.trim() !== '' && !make.isSuccess} what="the agent" />
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          make.mutate();
        }}
      >
        <TextField label="Name of the agent" path="name" required value={name} onChange={setName} />
        <TextArea
          label="What it says"
          path="greetingText"
          isOptional
          hint={
            <>
              <code>{`{{${example}}}`}</code> is filled with each recipient's own; <code>{`{{${example}|there}}`}</code>{' '}
              has a word for those who lack it. Over SIP, a text needs a speech provider on the workers, or calls wait;
              without a text a chime plays.
            </>
          }
          value={text}
          onChange={setText}
        />
        {slips(text, columns).map((slip) => (
          <Note key={slip} tone="warn">
            {slip}
          </Note>
        ))}
        <ErrorNote error={make.error} />
        <div className={styles.buttons}>
          {whyNot('edit agents') === undefined && (
            <ButtonLink variant="quiet" to="/agents/new" search={{ back: here }}>
              Make one with keys, a voice or a program
            </ButtonLink>
          )}
          <Button type="submit" isPending={make.isPending} why={whyNot('edit agents')}>
            Make the agent
          </Button>
        </div>
      </form>
    </FieldErrors>
  );
}
