import { Button } from '../ui/Button';
import { Checkbox, TextField } from '../ui/Field';
import { FieldRow } from '../ui/Form';
import { Card } from '../ui/Page';
import { WeekGrid } from '../ui/WeekGrid';
import { DAYS, type Hours, hoursOf, PRESETS, readRanges, weekOf } from '../ui/week';
import { type RulesDraft, textsOf } from './rules';
import styles from './Workspace.module.css';

/** A part of the rules as they are being typed. */
export interface Part {
  draft: RulesDraft;
  set: (changes: Partial<RulesDraft>) => void;
}

/** When anybody may be called at all. */
export function HoursCard({ draft, set }: Part) {
  return (
    <Card title="Hours in which anybody may be called" isStack>
      <p className={styles.lead}>
        They keep people from being called at night, by the clock where they are. A campaign has hours of its own, 09:00
        to 20:00 unless it says otherwise, and both have to be open; single calls are bound by these alone.
      </p>
      <Checkbox
        label="Leave the hours to each campaign"
        hint="How a workspace begins: campaigns that name no hours call from 09:00 to 20:00, those set to any hour at any hour."
        isChecked={draft.isAlways}
        onChange={(isAlways) => set({ isAlways, ...(!isAlways && isEmpty(draft) && { hours: SAFE }) })}
      />
      {!draft.isAlways && <Week draft={draft} set={set} />}
      <FieldRow>
        <TextField
          label="Dates on which nobody is called"
          path="schedule.blockedDates"
          isOptional
          placeholder="2026-12-25, 2026-12-26"
          hint="Public holidays, say. A date begins and ends where whoever would be called is."
          value={draft.dates}
          onChange={(dates) => set({ dates })}
        />
        <TextField
          label="Time zone of numbers that tell no place"
          path="schedule.timezone"
          isOptional
          placeholder="Europe/Berlin"
          hint="Toll-free and satellite numbers. Where nobody knows what time it is there, they are not called."
          value={draft.timezone}
          onChange={(timezone) => set({ timezone })}
        />
      </FieldRow>
    </Card>
  );
}

const SAFE = textsOf(PRESETS[0]?.hours ?? {});
const isEmpty = ({ hours }: RulesDraft): boolean => Object.values(hours).every((text) => text.trim() === '');

function Week({ draft, set }: Part) {
  const read = DAYS.map(([day]) => [day, readRanges(draft.hours[day]) ?? []] as const);
  const readable: Hours = Object.fromEntries(read);
  return (
    <>
      <div className={styles.presets}>
        {PRESETS.map(({ name, hours }) => (
          <Button key={name} onClick={() => set({ hours: textsOf(hours) })}>
            {name}
          </Button>
        ))}
      </div>
      <WeekGrid week={weekOf(readable)} onChange={(week) => set({ hours: textsOf(hoursOf(week)) })} />
      <details className={styles.fold}>
        <summary>To the minute</summary>
        <div className={styles.days}>
          {DAYS.map(([day, name]) => (
            <TextField
              key={day}
              label={name}
              path={`schedule.hours.${day}`}
              placeholder="closed"
              error={readRanges(draft.hours[day]) === null ? 'Write it like 09:00-13:00, 14:00-18:00.' : null}
              value={draft.hours[day]}
              onChange={(text) => set({ hours: { ...draft.hours, [day]: text } })}
            />
          ))}
        </div>
      </details>
    </>
  );
}
