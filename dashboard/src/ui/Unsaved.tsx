import { useBlocker } from '@tanstack/react-router';
import { useEffect, useRef, useState } from 'react';

import { Confirm } from './Dialog';
import { askBeforeLeaving } from './unsaved';

/**
 * Asks before somebody leaves a page on which they have typed something that is not saved: by a link, back, another workspace, or closing it.
 * What leaves by itself after saving says `ignoreBlocker` as it navigates.
 */
export function Unsaved({ isChanged, what }: { isChanged: boolean; what: string }) {
  const [isAsking, setAsking] = useState(false);
  const answer = useRef<((mayLeave: boolean) => void) | null>(null);
  // Once somebody has agreed to leave they are not asked again on the way out.
  const isAgreed = useRef(false);
  const ask = () => {
    answer.current?.(false);
    setAsking(true);
    return new Promise<boolean>((resolve) => {
      answer.current = resolve;
    });
  };
  const say = (mayLeave: boolean) => {
    if (answer.current === null) return;
    isAgreed.current = mayLeave;
    answer.current(mayLeave);
    answer.current = null;
    setAsking(false);
  };
  useBlocker({
    shouldBlockFn: async () => !isAgreed.current && !(await ask()),
    enableBeforeUnload: () => isChanged && !isAgreed.current,
    disabled: !isChanged,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: `ask` reads nothing but refs
  useEffect(() => {
    isAgreed.current = false;
    return isChanged ? askBeforeLeaving(ask) : undefined;
  }, [isChanged]);
  if (!isAsking) return null;
  return (
    <Confirm
      title="Leave without saving?"
      confirm="Leave"
      cancel="Stay here"
      isDangerous
      onConfirm={async () => say(true)}
      onClose={() => say(false)}
    >
      What you have changed of {what} is not saved, and would be lost.
    </Confirm>
  );
}
