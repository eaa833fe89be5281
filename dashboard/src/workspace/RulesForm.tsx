import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

import { useWhyNot } from '../api/me';
import { asProblem } from '../api/problem';
import { Button } from '../ui/Button';
import { Confirm } from '../ui/Dialog';
import { Form } from '../ui/Form';
import { Note } from '../ui/Note';
import { toast } from '../ui/toast';
import { HoursCard } from './HoursCard';
import { CapsCard, LimitsCard } from './LimitCards';
import { type KnownRules, rulesQuery, setRules } from './queries';
import { bodyOf, draftOf, hoursOfDraft, loosened, type RulesDraft, risks, wrongFields } from './rules';
import styles from './Workspace.module.css';

/** Hours, caps, limits and the trunk of the workspace, saved as a whole; what is loosened is asked for once more. */
export function RulesForm({ known: first }: { known: KnownRules }) {
  // What the form is a change of, which is not what somebody else may have made of it meanwhile.
  const [known, setKnown] = useState(first);
  const before = draftOf(known.rules);
  const [draft, setDraft] = useState(before);
  const [isAsking, setAsking] = useState(false);
  const why = useWhyNot()('edit rules');
  const cache = useQueryClient();
  const begin = (from: KnownRules) => {
    setKnown(from);
    setDraft(draftOf(from.rules));
  };
  const save = useMutation({
    mutationFn: () => setRules(bodyOf(draft), known.etag),
    onSuccess: (saved) => {
      cache.setQueryData(rulesQuery.queryKey, saved);
      begin(saved);
      toast('Rules saved');
    },
  });
  const lookAgain = async () => {
    begin(await cache.fetchQuery({ ...rulesQuery, staleTime: 0 }));
    save.reset();
  };
  const looser = loosened(before, draft);
  const isWrong = wrongFields(draft).size > 0 || (!draft.isAlways && hoursOfDraft(draft) === null);
  const isChanged = JSON.stringify(draft) !== JSON.stringify(before);
  const submit = () => {
    if (why !== undefined || isWrong) return;
    if (looser.length > 0) setAsking(true);
    else save.mutate();
  };
  const set = (changes: Partial<RulesDraft>) => setDraft({ ...draft, ...changes });
  return (
    <Form error={save.error} onSubmit={submit}>
      <Risks draft={draft} />
      <HoursCard draft={draft} set={set} />
      <CapsCard draft={draft} set={set} />
      <LimitsCard draft={draft} set={set} />
      <div className={styles.buttons}>
        <Button variant="primary" type="submit" why={why} isPending={save.isPending} disabled={isWrong}>
          Save the rules
        </Button>
        {isChanged && <Button onClick={() => begin(known)}>Undo the changes</Button>}
        {asProblem(save.error).code === 'PRECONDITION_FAILED' && (
          <Button onClick={lookAgain}>Show the rules as they are now</Button>
        )}
      </div>
      {isAsking && (
        <Confirm
          title="Loosen the rules?"
          confirm="Save the rules"
          isDangerous
          onClose={() => setAsking(false)}
          // A refusal stands at the field that it is about.
          onConfirm={() => save.mutateAsync().catch(() => {})}
        >
          <ul className={styles.list}>
            {looser.map((said) => (
              <li key={said}>{said}</li>
            ))}
          </ul>
          <p>It holds for every call that begins from then on, of all campaigns.</p>
        </Confirm>
      )}
    </Form>
  );
}

function Risks({ draft }: { draft: RulesDraft }) {
  const found = risks(draft);
  if (found.length === 0) return null;
  return (
    <Note tone="warn">
      <ul className={styles.list}>
        {found.map((said) => (
          <li key={said}>{said}</li>
        ))}
      </ul>
    </Note>
  );
}
