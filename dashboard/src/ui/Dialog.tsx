import { X } from 'lucide-react';
import { type ReactNode, useState } from 'react';
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from 'react-aria-components';

import { Button } from './Button';
import { classes } from './classes';
import styles from './Dialog.module.css';
import { ErrorNote } from './Note';

interface DialogProps {
  title: string;
  onClose: () => void;
  /** Buttons at its foot. */
  actions?: ReactNode;
  isWide?: boolean;
  /** At the side and as high as the window, for things that are looked at beside a list. */
  isSide?: boolean;
  /** Asks something that must be answered: read out as an alert, and not closed by a click beside it. */
  isQuestion?: boolean;
  /** Shows what is not shown again: a slip on Escape does not close it. */
  isOnce?: boolean;
  children: ReactNode;
}

/** Stands before the page until it is closed; the keyboard stays inside. Show it by rendering it. */
export function Dialog({ title, onClose, actions, isWide, isSide, isQuestion, isOnce, children }: DialogProps) {
  // What was typed is not lost by a click that went beside it.
  const [isTouched, setTouched] = useState(false);
  return (
    <ModalOverlay
      isOpen
      isDismissable={!isQuestion && !isTouched}
      isKeyboardDismissDisabled={isOnce === true}
      onOpenChange={(isOpen) => !isOpen && onClose()}
      className={classes(styles.overlay, isSide && styles.side)}
    >
      <Modal className={classes(styles.modal, isWide && styles.wide)}>
        <div className={styles.all} onInput={() => setTouched(true)}>
          <AriaDialog className={styles.dialog ?? ''} role={isQuestion ? 'alertdialog' : 'dialog'}>
            <div className={styles.head}>
              <Heading slot="title" level={2}>
                {title}
              </Heading>
              <Button variant="quiet" iconOnly aria-label="Close" onClick={onClose}>
                <X aria-hidden />
              </Button>
            </div>
            {children}
            {actions && <div className={styles.foot}>{actions}</div>}
          </AriaDialog>
        </div>
      </Modal>
    </ModalOverlay>
  );
}

/** Asks before something that cannot be taken back. `onConfirm` is awaited; what it throws is shown here. */
export function Confirm({
  title,
  confirm,
  cancel = 'Leave it as it is',
  why,
  isDangerous,
  onConfirm,
  onClose,
  children,
}: {
  title: string;
  /** What the button says: a verb with its object, like `Cancel the campaign`. */
  confirm: string;
  /** What the other button says. */
  cancel?: string;
  /** Why it cannot be done after all; it can be read, and closed again. */
  why?: string | undefined;
  isDangerous?: boolean;
  onConfirm: () => Promise<unknown>;
  onClose: () => void;
  children: ReactNode;
}) {
  const [error, setError] = useState<unknown>(null);
  const [isPending, setPending] = useState(false);
  const run = async () => {
    setPending(true);
    setError(null);
    try {
      await onConfirm();
      onClose();
    } catch (thrown) {
      setError(thrown);
      setPending(false);
    }
  };
  return (
    <Dialog
      title={title}
      onClose={onClose}
      isQuestion
      actions={
        <>
          <Button onClick={onClose}>{cancel}</Button>
          <Button variant={isDangerous ? 'danger' : 'primary'} why={why} isPending={isPending} onClick={run}>
            {confirm}
          </Button>
        </>
      }
    >
      <div>{children}</div>
      <ErrorNote error={error} />
    </Dialog>
  );
}
