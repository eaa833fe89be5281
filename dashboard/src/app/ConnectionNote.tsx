import { WifiOff } from 'lucide-react';

import { useLiveState } from '../api/use-live';
import styles from './ConnectionNote.module.css';

/** Says that what is shown may be old, as long as the live stream is lost. */
export function ConnectionNote() {
  const isLost = useLiveState() === 'reconnecting';
  return (
    <div role="status">
      {isLost && (
        <p className={styles.note}>
          <WifiOff aria-hidden />
          Reconnecting… What you see may be some seconds old.
        </p>
      )}
    </div>
  );
}
