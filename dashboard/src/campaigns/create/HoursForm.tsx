import { useState } from 'react';

import { useWhyNot } from '../../api/me';
import { Button } from '../../ui/Button';
import { Checkbox, TextField } from '../../ui/Field';
import { FieldErrors } from '../../ui/FieldErrors';
import { ErrorNote } from '../../ui/Note';
import { Card } from '../../ui/Page';
import { WeekGrid } from '../../ui/WeekGrid';
import { DAYS, type Day, type Hours, hoursOf, PRESETS, readRanges, weekOf } from '../../ui/week';
import type { Campaign } from '../queries';
import { useSave } from '../use-save';
import styles from './Forms.module.css';
import { ListZones } from './ListZones';

/** When people may be called, on the clock of whoever is called. */
export function HoursForm({
  campaign,
  save: saveName,
  onSaved,
}: {
  campaign: Campaign;
  save: string;
  onSaved: () => void;
}) {
  const whyNot = useWhyNot();
  const { schedule } = campaign;
  const [isAlways, setAlways] = useState(schedule.window === 'always');
  const [texts, setTexts] = useState(() => textsOf(schedule.hours ?? PRESETS[0]?.hours ?? {}));
  const [dates, setDates] = useState((schedule.blockedDates ?? []).join(', '));
  const [timezone, setTimezone] = useState(schedule.timezone ?? '');
  const save = useSave(campaign.id, onSaved);
  const read = DAYS.map(([day]) => [day, readRanges(texts[day])] as const);
  const hours: Hours = Object.fromEntries(read.filter(([, ranges]) => ranges && ranges.length > 0));
  const isWrong = read.some(([, ranges]) => ranges === null);
  const submit = () => {
    const blockedDates = dates.split(/[\s,;]+/).filter((date) => date !== '');
    const when = isAlways ? { window: 'always' } : { hours };
    save.mutate({ schedule: { ...when, blockedDates, ...(timezone.trim() && { timezone: timezone.trim() }) } });
  };
  return (
    <FieldErrors error={save.error}>
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          submit();
        }}
      >
        <Card title="Calling hours">
          <div className={styles.form}>
            <p className={styles.lead}>
              On the clock of whoever is called, wherever that is. The workspace's own hours hold as well.
            </p>
            <div className={styles.row}>
              {PRESETS.map((preset) => (
                <Button key={preset.name} disabled={isAlways} onClick={() => setTexts(textsOf(preset.hours))}>
                  {preset.name}
                </Button>
              ))}
              <Checkbox label="At any hour" hint="Never for real people." isChecked={isAlways} onChange={setAlways} />
            </div>
            {!isAlways && (
              <>
                <WeekGrid week={weekOf(hours)} onChange={(week) => setTexts(textsOf(hoursOf(week)))} />
                <details>
                  <summary>To the minute</summary>
                  <div className={styles.days}>
                    {DAYS.map(([day, name]) => (
                      <TextField
                        key={day}
                        label={name}
                        path={`schedule.hours.${day}`}
                        placeholder="closed"
                        error={readRanges(texts[day]) === null ? 'Write it like 09:00-13:00, 14:00-18:00.' : null}
                        value={texts[day]}
                        onChange={(text) => setTexts({ ...texts, [day]: text })}
                      />
                    ))}
                  </div>
                </details>
              </>
            )}
          </div>
        </Card>
        <ListZones campaignId={campaign.id} />
        <Card title="Days off and unknown places">
          <div className={styles.pair}>
            <TextField
              label="Dates on which nobody is called"
              path="schedule.blockedDates"
              isOptional
              placeholder="2026-12-25, 2026-12-26"
              value={dates}
              onChange={setDates}
            />
            <TextField
              label="Time zone of numbers that tell no place"
              path="schedule.timezone"
              isOptional
              placeholder="Europe/Berlin"
              hint="Toll-free and satellite numbers. Without it they are not called."
              value={timezone}
              onChange={setTimezone}
            />
          </div>
        </Card>
        <ErrorNote error={save.error} />
        <div className={styles.buttons}>
          <Button
            variant="primary"
            type="submit"
            isPending={save.isPending}
            disabled={!isAlways && isWrong}
            why={whyNot('run campaigns')}
          >
            {saveName}
          </Button>
        </div>
      </form>
    </FieldErrors>
  );
}

/** Ranges of each day as text, so that they can be typed. */
const textsOf = (hours: Hours): Record<Day, string> =>
  Object.fromEntries(DAYS.map(([day]) => [day, (hours[day] ?? []).join(', ')])) as Record<Day, string>;
