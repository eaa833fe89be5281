import type { components } from '../api/schema';
import { reason } from '../campaigns/words';
import { Chip } from '../ui/Chip';
import { ago, moment } from '../ui/format';
import styles from './HealthCell.module.css';
import { HEALTH } from './words';

/** How a trunk is, and where it is in trouble why, and when it is asked again. */
export function HealthCell({ health }: { health: components['schemas']['TrunkHealth'] }) {
  const { text, tone, meaning } = HEALTH[health.status];
  const more = [
    ...(health.reason ? [reason(health.reason)] : []),
    ...(health.status !== 'OPEN' && health.since ? [`since ${moment(health.since)}`] : []),
    ...(health.status === 'PAUSED' && health.nextProbeAt ? [`asked again ${ago(health.nextProbeAt)}`] : []),
  ];
  return (
    <span className={styles.health} title={meaning}>
      <Chip tone={tone}>{text}</Chip>
      {more.length > 0 && <span className={styles.more}>{more.join(' · ')}</span>}
    </span>
  );
}
