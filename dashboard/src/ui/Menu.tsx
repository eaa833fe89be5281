import type { ReactNode } from 'react';
import { Menu as AriaMenu, Button, MenuItem, MenuTrigger, Popover } from 'react-aria-components';

import styles from './Menu.module.css';

/** One thing to choose from a menu. */
export interface Choice {
  label: string;
  icon?: ReactNode;
  isDanger?: boolean;
  /** The one that holds now. */
  isCurrent?: boolean;
  /** Why it cannot be chosen, as `useWhyNot()` says it. */
  why?: string | undefined;
  /** A file or page outside of the router that it leads to, instead of `onChoose`. */
  href?: string;
  onChoose?: () => void;
}

/** A button that opens a menu. */
export function Menu({
  trigger,
  label,
  isQuiet,
  className,
  choices,
}: {
  /** What stands on the button. */
  trigger: ReactNode;
  /** What the button is called where it shows no words. */
  label?: string;
  isQuiet?: boolean;
  className?: string;
  choices: readonly Choice[];
}) {
  return (
    <MenuTrigger>
      <Button
        className={className ?? (isQuiet ? styles.triggerQuiet : styles.trigger) ?? ''}
        {...(label && { 'aria-label': label })}
      >
        {trigger}
      </Button>
      <Popover className={styles.popover ?? ''} placement="bottom end">
        <AriaMenu className={styles.menu ?? ''}>
          {choices.map((choice) => (
            <MenuItem
              key={choice.label}
              id={choice.label}
              className={styles.item ?? ''}
              isDisabled={choice.why !== undefined}
              textValue={choice.label}
              data-danger={choice.isDanger || undefined}
              {...(choice.href && { href: choice.href })}
              {...(choice.isCurrent && { 'aria-current': true })}
              onAction={() => choice.onChoose?.()}
            >
              {choice.icon}
              <span>
                {choice.label}
                {choice.isCurrent && <span className="unseen"> (current)</span>}
                {choice.why && <span className={styles.why}>{choice.why}</span>}
              </span>
            </MenuItem>
          ))}
        </AriaMenu>
      </Popover>
    </MenuTrigger>
  );
}
