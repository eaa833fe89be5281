import { useMutation } from '@tanstack/react-query';
import { Link, useSearch } from '@tanstack/react-router';
import { useState } from 'react';

import { Problem, problemOf } from '../api/problem';
import { Button } from '../ui/Button';
import { TextField } from '../ui/Field';
import { ErrorNote } from '../ui/Note';
import { Entrance } from './Entrance';
import { useEnter } from './enter';

/** In by an API key, for as long as the tab is open. */
export function KeyPage() {
  const { to } = useSearch({ from: '/sign-in/key' });
  const enter = useEnter(to);
  const [key, setKey] = useState('');
  const signIn = useMutation({
    mutationFn: () => tried(key.trim()),
    onSuccess: () => enter.withKey(key.trim()),
  });
  return (
    <Entrance
      title="Sign in with an API key"
      lead="The key is kept in this tab only and forgotten when it closes."
      links={
        <Link to="/sign-in" search={{ to }}>
          Sign in by e-mail instead
        </Link>
      }
    >
      <form
        onSubmit={(event) => {
          event.preventDefault();
          signIn.mutate();
        }}
      >
        <TextField
          label="API key"
          type="password"
          placeholder="rfk_…"
          required
          spellCheck={false}
          hint={
            <>
              <code>ringfleet key create</code> makes one.
            </>
          }
          value={key}
          onChange={setKey}
        />
        <ErrorNote error={signIn.error} />
        <Button variant="primary" type="submit" isPending={signIn.isPending}>
          Sign in
        </Button>
      </form>
    </Entrance>
  );
}

/** Asks with the key before it is kept. */
async function tried(key: string): Promise<void> {
  // A header holds no other characters; the browser would say so in words of its own.
  if (!/^[ -~]+$/.test(key)) throw new Problem(0, 'NO_KEY', 'This is no API key: one begins with rfk_.');
  const answer = await fetch('/api/v1/workspaces/me', { headers: { Authorization: `Bearer ${key}` } });
  if (!answer.ok) throw problemOf(answer, await answer.json().catch(() => null));
}
