import { X } from 'lucide-react';
import { useSyncExternalStore } from 'react';

import { Button } from './Button';
import styles from './Toasts.module.css';
import { closeToast, onToasts, shownToasts } from './toast';

/** Where toasts are shown and read out; once, in the shell. */
export function Toasts() {
  const toasts = useSyncExternalStore(onToasts, shownToasts);
  return (
    <div className={styles.region} role="status" aria-live="polite">
      {toasts.map(({ id, text }) => (
        <div key={id} className={styles.toast}>
          <span>{text}</span>
          <Button variant="quiet" iconOnly aria-label="Close" onClick={() => closeToast(id)}>
            <X aria-hidden />
          </Button>
        </div>
      ))}
    </div>
  );
}
