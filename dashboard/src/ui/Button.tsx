import { createLink } from '@tanstack/react-router';
import { type AnchorHTMLAttributes, type ButtonHTMLAttributes, type ReactNode, type Ref, useId } from 'react';

import styles from './Button.module.css';
import { classes } from './classes';
import { Tip } from './Tip';

interface Look {
  /** One primary button a page at most; `quiet` ones have no border. Default `secondary`. */
  variant?: 'primary' | 'secondary' | 'quiet' | 'danger' | undefined;
  /** Only an icon, so `aria-label` must say what it does. */
  iconOnly?: boolean | undefined;
}

interface ButtonProps extends Look, ButtonHTMLAttributes<HTMLButtonElement> {
  /** Under way: it cannot be pressed again. */
  isPending?: boolean | undefined;
  /** Why it cannot be pressed, as `useWhyNot()` says it; it stays reachable, so that everybody can learn the reason. */
  why?: string | undefined;
  ref?: Ref<HTMLButtonElement> | undefined;
  children: ReactNode;
}

/** A button; `type="button"` unless said otherwise. */
export function Button({ variant, iconOnly, isPending, why, children, className, onClick, ...rest }: ButtonProps) {
  const tipId = useId();
  const isOff = isPending || why !== undefined;
  const button = (
    <button
      type="button"
      {...rest}
      className={classes(look({ variant, iconOnly }), className)}
      aria-disabled={isOff || undefined}
      aria-describedby={why === undefined ? rest['aria-describedby'] : tipId}
      data-pending={isPending || undefined}
      onClick={(event) => {
        if (isOff) event.preventDefault();
        else onClick?.(event);
      }}
    >
      {isPending && <span className={styles.spinner} aria-hidden />}
      {children}
    </button>
  );
  const tip = why ?? (iconOnly ? rest['aria-label'] : undefined);
  return tip === undefined ? (
    button
  ) : (
    <Tip text={tip} id={tipId}>
      {button}
    </Tip>
  );
}

function look({ variant = 'secondary', iconOnly }: Look): string {
  return classes(styles.button, styles[variant], iconOnly && styles.icon);
}

interface AnchorProps extends Look, AnchorHTMLAttributes<HTMLAnchorElement> {
  ref?: Ref<HTMLAnchorElement> | undefined;
}

/** A link that looks like a button, to somewhere outside of the router: a file, say. */
export function ButtonAnchor({ variant, iconOnly, className, ...rest }: AnchorProps) {
  return <a {...rest} className={classes(look({ variant, iconOnly }), className)} />;
}

/** The same to a page of the dashboard. */
export const ButtonLink = createLink(ButtonAnchor);
