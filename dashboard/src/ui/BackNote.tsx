import { useRouter } from '@tanstack/react-router';

import { Button } from './Button';
import { Note } from './Note';

/** Says that what is made here is wanted somewhere else, and leads back there; nothing where it is not. */
export function BackNote({ back, what }: { back: string | undefined; what: string }) {
  const { history } = useRouter();
  if (back === undefined) return null;
  return (
    <Note tone="info" action={<Button onClick={() => history.push(back)}>Back without it</Button>}>
      As soon as {what} is made you are back at the campaign you came from.
    </Note>
  );
}
