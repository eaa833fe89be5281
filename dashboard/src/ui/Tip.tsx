import { type ReactNode, useRef } from 'react';

import styles from './Tip.module.css';

/** From the edge of the window and from what it is about, in pixels. */
const GAP = 6;

/**
 * Says something about what it wraps: on hover and on focus; Escape closes it. What it wraps names it by
 * `aria-describedby`, so that it is read out as well.
 */
export function Tip({ text, id, children }: { text: string; id?: string | undefined; children: ReactNode }) {
  const wrap = useRef<HTMLSpanElement>(null);
  const tip = useRef<HTMLSpanElement>(null);
  const show = () => {
    if (!wrap.current || !tip.current) return;
    tip.current.showPopover();
    const about = wrap.current.getBoundingClientRect();
    const own = tip.current.getBoundingClientRect();
    const left = about.left + about.width / 2 - own.width / 2;
    const below = about.bottom + GAP + own.height < window.innerHeight;
    tip.current.style.left = `${Math.max(GAP, Math.min(left, window.innerWidth - own.width - GAP))}px`;
    tip.current.style.top = `${below ? about.bottom + GAP : about.top - GAP - own.height}px`;
  };
  const hide = () => tip.current?.hidePopover();
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it only watches what it wraps, which is what can be used
    <span
      ref={wrap}
      className={styles.wrap}
      onPointerEnter={show}
      onPointerLeave={hide}
      onFocus={show}
      onBlur={hide}
      onKeyDown={(event) => event.key === 'Escape' && hide()}
    >
      {children}
      <span ref={tip} id={id} role="tooltip" popover="manual" className={styles.tip}>
        {text}
      </span>
    </span>
  );
}
