import type { ReactNode } from 'react';

import styles from './Chip.module.css';
import { classes } from './classes';

/** What a chip, a bar or a note is about: `plain` is nothing in particular. */
export type Tone = 'plain' | 'good' | 'warn' | 'bad' | 'info' | 'accent';

/** A word or two about the state of something. Never by its colour alone: the text says it. */
export function Chip({ tone = 'plain', isLive, children }: { tone?: Tone; isLive?: boolean; children: ReactNode }) {
  return <span className={classes(styles.chip, styles[tone], isLive && styles.live)}>{children}</span>;
}
