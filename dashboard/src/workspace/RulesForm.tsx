import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

import { useWhyNot } from '../api/me';
import { trunkGroupsQuery, trunksQuery } from '../trunks/queries';
import { Button } from '../ui/Button';
import { Confirm } from '../ui/Dialog';
import { Checkbox, FieldErrors, NumberField, Select, TextField } from '../ui/Field';
import { FieldRow, Form } from '../ui/Form';
import { Card } from '../ui/Page';
import { toast } from '../ui/toast';
import { WeekGrid } from '../ui/WeekGrid';
import { hoursOf, PRESETS, weekOf } from '../ui/week';
import { type Rules, rulesQuery, setRules } from './queries';
import { bodyOf, DEFAULT_CAPS, draftOf, hoursOfDraft, loosened, type RulesDraft, textsOf, wrongFields } from './rules';

/** Hours, caps, limits and the trunk of the workspace, saved as a whole; what is loosened is asked for once more. */
export function RulesForm({ rules }: { rules: Rules }) {
  const [draft, setDraft] = useState(() => draftOf(rules));
  const [isAsking, setAsking] = useState(false);
  const why = useWhyNot()('edit rules');
  const cache = useQueryClient();
  const save = useMutation({
    mutationFn: () => setRules(bodyOf(draft)),
    onSuccess: (saved) => {
      cache.setQueryData(rulesQuery.queryKey, saved);
      setDraft(draftOf(saved));
      toast('Rules saved');
    },
  });
  const set = (changes: Partial<RulesDraft>) => setDraft({ ...draft, ...changes });
  const looser = loosened(draftOf(rules), draft);
  const isWrong = wrongFields(draft).size > 0 || (!draft.isAlways && hoursOfDraft(draft) === null);
  const submit = () => {
    if (why !== undefined || isWrong) return;
    if (looser.length > 0) setAsking(true);
    else save.mutate();
  };
  return (
    <FieldErrors error={save.error}>
      <Form error={save.error} onSubmit={submit}>
        <HoursCard draft={draft} set={set} />
        <CapsCard draft={draft} set={set} />
        <LimitsCard draft={draft} set={set} />
        <div>
          <Button variant="primary" type="submit" why={why} isPending={save.isPending} disabled={isWrong}>
            Save the rules
          </Button>
        </div>
      </Form>
      {isAsking && (
        <Confirm
          title="Loosen the rules?"
          confirm="Save the rules"
          isDangerous
          onClose={() => setAsking(false)}
          onConfirm={() => save.mutateAsync()}
        >
          <ul>
            {looser.map((said) => (
              <li key={said}>{said}</li>
            ))}
          </ul>
          It holds for every call that begins from then on, of all campaigns.
        </Confirm>
      )}
    </FieldErrors>
  );
}

interface Part {
  draft: RulesDraft;
  set: (changes: Partial<RulesDraft>) => void;
}

function HoursCard({ draft, set }: Part) {
  const hours = hoursOfDraft(draft);
  return (
    <Card title="Hours in which anybody may be called" isStack>
      <p>
        On the clock of whoever is called. A campaign has hours of its own, 09:00 to 20:00 unless it says otherwise;
        these keep all of them from other ones, single calls too.
      </p>
      <Checkbox
        label="Leave the hours to each campaign"
        isChecked={draft.isAlways}
        onChange={(isAlways) => set({ isAlways, ...(!isAlways && { hours: textsOf(PRESETS[0]?.hours ?? {}) }) })}
      />
      {!draft.isAlways && hours && (
        <WeekGrid week={weekOf(hours)} onChange={(week) => set({ hours: textsOf(hoursOf(week)) })} />
      )}
      <FieldRow>
        <TextField
          label="Dates on which nobody is called"
          path="schedule.blockedDates"
          isOptional
          placeholder="2026-12-25, 2026-12-26"
          value={draft.dates}
          onChange={(dates) => set({ dates })}
        />
        <TextField
          label="Time zone of numbers that tell no place"
          path="schedule.timezone"
          isOptional
          placeholder="Europe/Berlin"
          value={draft.timezone}
          onChange={(timezone) => set({ timezone })}
        />
      </FieldRow>
    </Card>
  );
}

function CapsCard({ draft, set }: Part) {
  return (
    <Card title="How often one number is called" isStack>
      <p>All campaigns and single calls together, so that nobody is called again and again.</p>
      <FieldRow>
        <NumberField
          label="After another campaign, at least"
          path="caps.minGapMinutes"
          unit="min"
          hint={`Empty is ${DEFAULT_CAPS.minGapMinutes}.`}
          value={draft.minGapMinutes}
          onChange={(minGapMinutes) => set({ minGapMinutes })}
        />
        <NumberField
          label="In 24 hours, at most"
          path="caps.maxPer24h"
          unit="calls"
          hint={`Empty is ${DEFAULT_CAPS.maxPer24h}.`}
          value={draft.maxPer24h}
          onChange={(maxPer24h) => set({ maxPer24h })}
        />
        <NumberField
          label="In 7 days, at most"
          path="caps.maxPer7d"
          unit="calls"
          hint="Empty is no limit."
          value={draft.maxPer7d}
          onChange={(maxPer7d) => set({ maxPer7d })}
        />
      </FieldRow>
    </Card>
  );
}

function LimitsCard({ draft, set }: Part) {
  const trunks = useQuery(trunksQuery).data?.items ?? [];
  const groups = useQuery(trunkGroupsQuery).data?.items ?? [];
  const ways = [
    ...trunks.filter(({ channel }) => channel === 'voice').map(({ id, name }) => [id, name] as const),
    ...groups.map(({ id, name }) => [id, `${name} (group)`] as const),
  ];
  return (
    <Card title="Pace and trunk" isStack>
      <FieldRow>
        <NumberField
          label="Calls per second"
          path="limits.callsPerSecond"
          hint="Of all campaigns together. Empty is no limit."
          value={draft.callsPerSecond}
          onChange={(callsPerSecond) => set({ callsPerSecond })}
        />
        <NumberField
          label="Live calls at most"
          path="limits.maxLiveCalls"
          hint="Of all campaigns together. Empty is no limit."
          value={draft.maxLiveCalls}
          onChange={(maxLiveCalls) => set({ maxLiveCalls })}
        />
        <Select
          label="Trunk where none is named"
          path="defaultTrunkId"
          value={draft.way}
          onChange={(way) => set({ way })}
          options={[['', 'None'], ...ways]}
        />
      </FieldRow>
    </Card>
  );
}
