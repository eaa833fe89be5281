import { useQuery } from '@tanstack/react-query';
import { useId } from 'react';

import { Button } from '../ui/Button';
import { Checkbox } from '../ui/Field';
import { ErrorNote } from '../ui/Note';
import { Skeleton } from '../ui/Skeleton';
import { type EventType, eventsQuery } from './queries';
import styles from './Webhooks.module.css';

/** Which events an endpoint is told of; none chosen is all of them, also those that come later. */
export function EventChoice({
  chosen,
  onChange,
}: {
  chosen: readonly EventType[];
  onChange: (events: readonly EventType[]) => void;
}) {
  const events = useQuery(eventsQuery);
  const id = useId();
  const toggle = (event: EventType, isChosen: boolean) =>
    onChange(isChosen ? [...chosen, event] : chosen.filter((it) => it !== event));
  return (
    <fieldset className={styles.events} aria-describedby={id}>
      <legend>Events</legend>
      <p id={id} className={styles.faint}>
        {chosen.length === 0 ? 'None is ticked: it is told of all.' : `It is told of ${chosen.length}.`}{' '}
        {chosen.length > 0 && (
          <Button variant="quiet" onClick={() => onChange([])}>
            All events
          </Button>
        )}
      </p>
      <ErrorNote error={events.error} onRetry={() => events.refetch()} />
      {events.isPending && <Skeleton lines={4} />}
      <div className={styles.choices}>
        {events.data?.map(({ event, description }) => (
          <Checkbox
            key={event}
            label={<code>{event}</code>}
            hint={description}
            isChecked={chosen.includes(event)}
            onChange={(isChecked) => toggle(event, isChecked)}
          />
        ))}
      </div>
    </fieldset>
  );
}
