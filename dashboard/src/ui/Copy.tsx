import { Check, Copy as CopyIcon, X } from 'lucide-react';
import { useState } from 'react';

import { Button } from './Button';

type Done = 'yes' | 'no' | null;

/** How long it says what came of it, in milliseconds. */
const SAYS = 2_000;

/** Copies a text; says whether it could. */
export function Copy({ text, what }: { text: string; what: string }) {
  const [done, setDone] = useState<Done>(null);
  const copy = async (beside: HTMLElement) => {
    setDone((await copied(text, beside)) ? 'yes' : 'no');
    setTimeout(() => setDone(null), SAYS);
  };
  const label = { yes: 'Copied', no: 'It could not be copied: select it' };
  return (
    <Button
      variant="quiet"
      iconOnly
      aria-label={done === null ? `Copy ${what}` : label[done]}
      onClick={(event) => copy(event.currentTarget)}
    >
      {done === null ? <CopyIcon aria-hidden /> : done === 'yes' ? <Check aria-hidden /> : <X aria-hidden />}
    </Button>
  );
}

/** Browsers have a clipboard only where the page came by HTTPS or from this machine; elsewhere the old way is left. */
async function copied(text: string, beside: HTMLElement): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = Object.assign(document.createElement('textarea'), { value: text, className: 'unseen' });
    beside.after(area);
    area.select();
    const isDone = document.execCommand('copy');
    area.remove();
    beside.focus();
    return isDone;
  }
}
