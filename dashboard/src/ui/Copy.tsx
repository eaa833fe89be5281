import { Check, Copy as CopyIcon } from 'lucide-react';
import { useState } from 'react';

import { Button } from './Button';

/** Copies a text; says so. */
export function Copy({ text, what }: { text: string; what: string }) {
  const [isDone, setDone] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    setDone(true);
    setTimeout(() => setDone(false), 2_000);
  };
  return (
    <Button variant="quiet" iconOnly aria-label={isDone ? 'Copied' : `Copy ${what}`} onClick={copy}>
      {isDone ? <Check aria-hidden /> : <CopyIcon aria-hidden />}
    </Button>
  );
}
