import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

import { useWhyNot } from '../../api/me';
import { Button } from '../../ui/Button';
import { NumberField, Select, TextField } from '../../ui/Field';
import { FieldErrors } from '../../ui/FieldErrors';
import { ErrorNote } from '../../ui/Note';
import { Card } from '../../ui/Page';
import { type Campaign, campaignQuery } from '../queries';
import { useSave } from '../use-save';
import styles from './Forms.module.css';
import { changesOf, draftOf, type LimitsDraft, wrongFields } from './limits';

type NumberName = Exclude<keyof LimitsDraft, 'startAt' | 'endAt' | 'brakeThen'>;

/** How fast, how often, for how long. While the campaign calls, only what may be changed then is there. */
export function LimitsForm({
  campaign,
  save: saveName,
  onSaved,
}: {
  campaign: Campaign;
  save: string;
  onSaved: () => void;
}) {
  const whyNot = useWhyNot();
  const cache = useQueryClient();
  const [begin, setBegin] = useState(() => draftOf(campaign));
  const [draft, setDraft] = useState(begin);
  const show = (known: Campaign) => {
    setBegin(draftOf(known));
    setDraft(draftOf(known));
  };
  const save = useSave(campaign.id, (saved) => {
    show(saved);
    onSaved();
  });
  const wrong = wrongFields(draft);
  const set = (changes: Partial<LimitsDraft>) => setDraft({ ...draft, ...changes });
  const number = (name: NumberName, label: string, more: { unit?: string; hint?: string; path?: string } = {}) => (
    <NumberField
      label={label}
      path={name}
      error={wrong.has(name) ? (name === 'brakePercent' ? 'Write a number from 1 to 100.' : 'Write a number.') : null}
      {...more}
      value={draft[name]}
      onChange={(value) => set({ [name]: value })}
    />
  );
  const submit = async () => {
    // What somebody else has changed meanwhile stays, but for what was typed here.
    const now = await cache.fetchQuery({ ...campaignQuery(campaign.id), staleTime: 0 }).catch(() => campaign);
    const typed = Object.entries(draft).filter(([name, value]) => value !== begin[name as keyof LimitsDraft]);
    const changes = changesOf(now, { ...draftOf(now), ...Object.fromEntries(typed) });
    if (Object.keys(changes).length > 0) return save.mutate(changes);
    show(now);
    onSaved();
  };
  return (
    <FieldErrors error={save.error}>
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <Card title="Pace">
          <div className={styles.pair}>
            {number('callsPerSecond', 'Calls per second', {
              path: 'limits.callsPerSecond',
              hint: 'Empty is as fast as the trunk allows.',
            })}
            {number('maxLiveCalls', 'Live calls at most', {
              path: 'limits.maxLiveCalls',
              hint: 'Empty is as many as the trunk allows.',
            })}
            {number('weight', 'Weight', { hint: "Its share beside the workspace's other campaigns." })}
          </div>
        </Card>
        <Card title="How often one number is called">
          <div className={styles.pair}>
            {number('minGapMinutes', 'After other campaigns, at least', { unit: 'min', path: 'caps.minGapMinutes' })}
            {number('maxPer24h', 'In 24 hours, at most', { unit: 'calls', path: 'caps.maxPer24h' })}
            {number('maxPer7d', 'In 7 days, at most', { unit: 'calls', path: 'caps.maxPer7d' })}
          </div>
        </Card>
        <Card title="Stops by itself">
          <div className={styles.pair}>
            {number('brakePercent', 'When more than', { unit: '% failed', path: 'brake.share' })}
            {number('brakeCalls', 'Of the last', { unit: 'calls', path: 'brake.calls' })}
            <Select
              label="Then it is"
              value={draft.brakeThen}
              onChange={(brakeThen) => set({ brakeThen })}
              options={[
                ['PAUSED', 'Paused'],
                ['FAILED', 'Ended for good'],
              ]}
            />
          </div>
        </Card>
        {campaign.status !== 'IN_PROGRESS' && (
          <Card title="Calls and times">
            <div className={styles.pair}>
              {number('ringTimeoutSeconds', 'Ring for', { unit: 's' })}
              {number('maxCallSeconds', 'Talk for, at most', { unit: 's' })}
              {number('dupeDays', 'Skip if called in the last', {
                unit: 'days',
                hint: 'By whichever campaign. Empty skips nobody.',
              })}
              {number('expireDays', 'Give up after', { unit: 'days', hint: 'Empty gives nobody up.' })}
              <Time label="Begin not before" name="startAt" draft={draft} set={set} />
              <Time label="Begin no call after" name="endAt" draft={draft} set={set} />
            </div>
          </Card>
        )}
        <ErrorNote error={save.error} />
        <div className={styles.buttons}>
          <Button
            variant="primary"
            type="submit"
            isPending={save.isPending}
            disabled={wrong.size > 0}
            why={whyNot('run campaigns')}
          >
            {saveName}
          </Button>
        </div>
      </form>
    </FieldErrors>
  );
}

function Time({
  label,
  name,
  draft,
  set,
}: {
  label: string;
  name: 'startAt' | 'endAt';
  draft: LimitsDraft;
  set: (changes: Partial<LimitsDraft>) => void;
}) {
  return (
    <TextField
      label={label}
      path={name}
      type="datetime-local"
      isOptional
      value={draft[name]}
      onChange={(value) => set({ [name]: value })}
    />
  );
}
