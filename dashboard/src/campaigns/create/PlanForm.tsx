import { useQuery } from '@tanstack/react-query';
import { Plus } from 'lucide-react';
import { useState } from 'react';

import { useWhyNot } from '../../api/me';
import { Button } from '../../ui/Button';
import { FieldErrors } from '../../ui/FieldErrors';
import { Menu } from '../../ui/Menu';
import { ErrorNote } from '../../ui/Note';
import { type Campaign, trunksQuery } from '../queries';
import { useSave } from '../use-save';
import { CHANNEL } from '../words';
import styles from './Forms.module.css';
import { type Channel, draftOf, emptyStep, type StepDraft, stepOf, wrongFields } from './plan';
import { StepCard } from './StepCard';

/** Most steps of a plan. */
const MOST = 10;

/** What is done for each recipient, step by step: calls, and messages to whoever they did not reach. */
export function PlanForm({
  campaign,
  save: saveName,
  onSaved,
}: {
  campaign: Campaign;
  save: string;
  onSaved: () => void;
}) {
  const whyNot = useWhyNot();
  const trunks = useQuery(trunksQuery);
  const [steps, setSteps] = useState(() =>
    campaign.channels.map((step) => ({ id: crypto.randomUUID(), ...draftOf(step) })),
  );
  const save = useSave(campaign.id, onSaved);
  const change = (id: string, changes: Partial<StepDraft>) =>
    setSteps(steps.map((step) => (step.id === id ? { ...step, ...changes } : step)));
  const add = (channel: Channel) => setSteps([...steps, { id: crypto.randomUUID(), ...emptyStep(channel) }]);
  return (
    <FieldErrors error={save.error}>
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate({ channels: steps.map(stepOf) });
        }}
      >
        {steps.map((step, index) => (
          <StepCard
            key={step.id}
            step={step}
            index={index}
            before={steps[index - 1]?.channel}
            trunks={(trunks.data?.items ?? []).filter(({ channel }) => channel === step.channel)}
            onChange={(changes) => change(step.id, changes)}
            {...(steps.length > 1 && { onRemove: () => setSteps(steps.filter(({ id }) => id !== step.id)) })}
          />
        ))}
        {steps.length < MOST && (
          <div>
            <Menu
              trigger={
                <>
                  <Plus aria-hidden />
                  Add a step for those who were not reached
                </>
              }
              choices={(Object.keys(CHANNEL) as Channel[]).map((channel) => ({
                label: CHANNEL[channel],
                onChoose: () => add(channel),
              }))}
            />
          </div>
        )}
        <ErrorNote error={trunks.error ?? save.error} />
        <div className={styles.buttons}>
          <Button
            variant="primary"
            type="submit"
            isPending={save.isPending}
            disabled={steps.some((step, index) => wrongFields(step, index).size > 0)}
            why={whyNot('run campaigns')}
          >
            {saveName}
          </Button>
        </div>
      </form>
    </FieldErrors>
  );
}
